#!/usr/bin/env bash
# LJSpeech 1.1: one speaker of American English, 24 hours, public domain.
set -euo pipefail

name=ljspeech
language=en-us
licence=CC0-1.0
source=(archive https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2
    be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5 --max-gigabytes 5)

# shellcheck source=egs/recipe.sh
source "$(dirname "${BASH_SOURCE[0]}")/../recipe.sh"
recipe "$@"
