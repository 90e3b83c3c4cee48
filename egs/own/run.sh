#!/usr/bin/env bash
# A corpus of your own: metadata.csv with `audio|text` or `audio|speaker|text`, given by --corpus.
# Copy this directory to egs/<name>, set the facts, write configs/<name>-*.yaml and a card.
set -euo pipefail

name=own
language=en-us
licence=LicenseRef-unknown
source=()
default_config=kathleen

# shellcheck source=egs/recipe.sh
source "$(dirname "${BASH_SOURCE[0]}")/../recipe.sh"
recipe "$@"
