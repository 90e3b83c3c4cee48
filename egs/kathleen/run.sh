#!/usr/bin/env bash
# Kathleen: the voice that ships with StraightTalk. One speaker of American English, 1.3 hours, CC0.
set -euo pipefail

name=kathleen
language=en-us
licence=CC0-1.0
source=(git https://github.com/rhasspy/dataset-voice-kathleen
    c51cb971036a127359b43c621f26ca5081eab13e)

# shellcheck source=egs/recipe.sh
source "$(dirname "${BASH_SOURCE[0]}")/../recipe.sh"
recipe "$@"
