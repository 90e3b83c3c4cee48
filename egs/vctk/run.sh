#!/usr/bin/env bash
# VCTK 0.92: 110 speakers of English in many accents, 44 hours, CC BY 4.0.
# The other microphone: --prepare --microphone=mic2
set -euo pipefail

name=vctk
language=en-us
licence=CC-BY-4.0
source=(archive https://datashare.is.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip
    f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c --max-gigabytes 30)

# shellcheck source=egs/recipe.sh
source "$(dirname "${BASH_SOURCE[0]}")/../recipe.sh"
recipe "$@"
