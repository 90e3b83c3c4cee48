#!/usr/bin/env bash
# What all recipes share: the stages and their order. A recipe's run.sh sets the facts
#   name       of the corpus; configs/$name-acoustic.yaml and configs/$name-vocoder.yaml, and the
#              fine-tuning of their few-step samplers in configs/$name-*-sharp.yaml
#   language   eSpeak code
#   licence    SPDX name of the licence of weights made from it
#   source     words of egs/download.py: kind, address, checksum, options; none if it has no source
# and then sources this file and calls `recipe "$@"`.

usage() {
    cat >&2 <<END
usage: egs/$name/run.sh [options]

  --stage N            first stage (0)
  --stop-stage N       last stage (8)
                         0 download   1 manifest   2 features   3 vocoder   4 acoustic model
                         5 fine-tuning of both for few steps
                         6 voice      7 test sentences          8 evaluation
                         and, when --stop-stage asks for them, the first models straightened:
                         9 reflow pairs          10 training on them    11 its evaluation
  --corpus DIR         a copy of the corpus at hand; nothing is downloaded
  --output-dir DIR     where everything goes (data/$name)
  --config NAME        train configs/NAME-acoustic.yaml, configs/NAME-vocoder.yaml and their
                       -sharp.yaml ($name)
  --tiny               a few utterances, tiny models, minutes: does the recipe run?
  --resume             go on with trainings that were interrupted
  --device NAME        auto, cpu, cuda or mps (auto)
  --limit N            evaluate N held-out prompts (60)
  --vocoder-steps LIST steps of the vocoder to evaluate (1,2,4,10,32)
  --set-acoustic K=V   change the acoustic model's configuration; may be repeated
  --set-vocoder K=V    change the vocoder's configuration; may be repeated
  --prepare OPTION     hand an option to the preparation, such as --skip-bad; may be repeated
END
}

fail() {
    echo "Error: $*" >&2
    exit 2
}

say_stage() {
    echo "[$(date +%H:%M:%S)] $name, stage $1: $2" >&2
}

number() {
    [[ $2 =~ ^[0-9]+$ ]] || fail "$1 must be a number, not '$2'"
}

read_options() {
    first=0 last=8 corpus="" work="" config=${default_config:-$name} tiny="" device=auto limit=60
    vocoder_steps=1,2,4,10,32 resume=() set_acoustic=() set_vocoder=() prepare=() reflow=()
    while [[ $# -gt 0 ]]; do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --resume) resume=(--resume) && shift && continue ;;
            --tiny) tiny=yes && shift && continue ;;
        esac
        [[ $# -gt 1 ]] || fail "unknown option or missing value: $1 (see --help)"
        case $1 in
            --stage) number "$1" "$2" && first=$2 ;;
            --stop-stage | --stop_stage) number "$1" "$2" && last=$2 ;;
            --corpus) corpus=$2 ;;
            --output-dir) work=$2 ;;
            --config) config=$2 ;;
            --device) device=$2 ;;
            --limit) number "$1" "$2" && limit=$2 ;;
            --vocoder-steps) vocoder_steps=$2 ;;
            --set-acoustic) set_acoustic+=(--set "$2") ;;
            --set-vocoder) set_vocoder+=(--set "$2") ;;
            --prepare) prepare+=("$2") ;;
            *) fail "unknown option $1 (see --help)" ;;
        esac
        shift 2
    done
}

# Runs a command if its stage is asked for.
stage() {
    local number=$1 title=$2
    shift 2
    if ((first <= number && number <= last)); then
        say_stage "$number" "$title"
        "$@"
    fi
}

straighttalk() {
    "$python" -m tts.cli "$@"
}

download() {
    if [[ -n $given ]]; then
        echo "the corpus is at hand: $corpus" >&2
    elif [[ ${#source[@]} -eq 0 ]]; then
        fail "this recipe downloads nothing: name your corpus with --corpus DIR"
    else
        "$python" "$egs/download.py" "${source[@]:0:3}" "$corpus" "${source[@]:3}"
    fi
}

train_acoustic() {
    local names
    names=$(speakers)
    straighttalk train acoustic "$configs/$config-acoustic.yaml" --output-dir "$work/acoustic" \
        --set "data.features=$features" --set "language=$language" \
        --set "acoustic.speakers=$names" --device "$device" \
        ${resume[@]+"${resume[@]}"} ${set_acoustic[@]+"${set_acoustic[@]}"}
}

train_vocoder() {
    straighttalk train vocoder "$configs/$config-vocoder.yaml" --output-dir "$work/vocoder" \
        --set "data.features=$features" --device "$device" \
        ${resume[@]+"${resume[@]}"} ${set_vocoder[@]+"${set_vocoder[@]}"}
}

# Stage 5 changes how models sample, not what they are: of the options, sizes and the like hold.
fine_tune() {
    local kind names option chosen
    names=$(speakers)
    for kind in acoustic vocoder; do
        local overrides=(--set "data.features=$features"
            --set "training.warm_start=$work/$kind/weights.safetensors")
        chosen=(${set_vocoder[@]+"${set_vocoder[@]}"})
        if [[ $kind = acoustic ]]; then
            chosen=(${set_acoustic[@]+"${set_acoustic[@]}"})
            overrides+=(--set "language=$language" --set "acoustic.speakers=$names")
        fi
        for option in ${chosen[@]+"${chosen[@]}"}; do
            [[ $option = --set || $option = training.* ]] || overrides+=(--set "$option")
        done
        straighttalk train "$kind" "$configs/$config-$kind-sharp.yaml" "${overrides[@]}" \
            --output-dir "$work/$kind-sharp" --device "$device" ${resume[@]+"${resume[@]}"}
    done
}

# The speakers of the features, as a JSON list.
speakers() {
    "$python" -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))["speakers"]))' \
        "$features/store.json"
}

make_pairs() {
    local kind
    for kind in acoustic vocoder; do
        [[ -f $configs/$config-$kind-reflow.yaml ]] ||
            fail "there is no $configs/$config-$kind-reflow.yaml: --config names one that has it"
        straighttalk reflow "$kind" --run "$work/$kind" --features "$features" --device "$device" \
            --output-dir "$work/pairs/$kind" ${reflow[@]+"${reflow[@]}"}
    done
}

train_on_pairs() {
    local kind names
    names=$(speakers)
    for kind in acoustic vocoder; do
        local overrides=(--set "data.pairs=$work/pairs/$kind"
            --set "training.warm_start=$work/$kind/weights.safetensors")
        if [[ $kind = acoustic ]]; then
            overrides+=(--set "language=$language" --set "acoustic.speakers=$names")
        fi
        straighttalk train "$kind" "$configs/$config-$kind-reflow.yaml" "${overrides[@]}" \
            --output-dir "$work/$kind-reflow" --device "$device" ${resume[@]+"${resume[@]}"}
    done
}

evaluate_straightened() {
    straighttalk package --acoustic "$work/acoustic-reflow" --vocoder "$work/vocoder-reflow" \
        --name "$name-reflow" --licence "$licence" --card "$egs/$name/card.md" \
        --output-dir "$work/voice-reflow"
    straighttalk evaluate --voice "$work/voice-reflow" --features "$features" \
        --split test --limit "$limit" --vocoder-steps "$vocoder_steps" --device "$device" \
        --results "$results" --output-dir "$work/evaluation-reflow"
}

recipe() {
    egs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    configs=$(dirname "$egs")/configs
    python=${PYTHON:-python3}
    # A clone works without being installed.
    export PYTHONPATH="$(dirname "$egs")${PYTHONPATH:+:$PYTHONPATH}"
    read_options "$@"
    given=$corpus
    work=${work:-data/$name} results=$egs/$name/RESULTS.md
    if [[ -n $tiny ]]; then
        config=tiny limit=2 reflow=(--steps 4) vocoder_steps=1,2 results=$work/RESULTS.md prepare+=(--limit 24)
    fi
    corpus=${corpus:-$work/corpus} features=$work/features
    mkdir -p "$work"

    stage 0 "download" download
    stage 1 "manifest" "$python" "$egs/$name/prepare.py" "$corpus" "$work/manifest.jsonl" \
        ${prepare[@]+"${prepare[@]}"}
    stage 2 "features" straighttalk features "$work/manifest.jsonl" "$features" --language "$language"
    stage 3 "vocoder" train_vocoder
    stage 4 "acoustic model" train_acoustic
    stage 5 "fine-tuning for few steps" fine_tune
    stage 6 "voice" straighttalk package --acoustic "$work/acoustic-sharp" \
        --vocoder "$work/vocoder-sharp" --name "$name" --licence "$licence" \
        --card "$egs/$name/card.md" --output-dir "$work/voice"
    stage 7 "test sentences" straighttalk say --voice "$work/voice" --device "$device" \
        --input-file "$egs/sentences.txt" --output-dir "$work/speech"
    stage 8 "evaluation" straighttalk evaluate --voice "$work/voice" --features "$features" \
        --split test --limit "$limit" --vocoder-steps "$vocoder_steps" --device "$device" \
        --results "$results" --output-dir "$work/evaluation"
    stage 9 "reflow pairs" make_pairs
    stage 10 "training on pairs" train_on_pairs
    stage 11 "evaluation of the straightened voice" evaluate_straightened
}
