"""What reflow gives: straightness, and quality in few steps, before and after.

python -m benchmarks.reflow --features data/kathleen/features --limit 20 \
    --model acoustic --before kathleen --after runs/kathleen-acoustic-reflow
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.data.store import UtteranceStore
from core.errors import InputError
from tts.cli.straightening import Question, measure
from tts.cli.teachers import Teacher, load_acoustic, load_vocoder
from tts.evaluation import SpeechPair, choose_utterances, evaluate_copy_synthesis, evaluate_speech
from tts.evaluation.statistics import Estimate
from vocoder import Vocoder
from vocoder.interface import Sampling

STEPS = (1, 2, 4, 10)
STRAIGHTNESS_STEPS = 20
PLAIN = {"consistency_rounds": 0, "final_rounds": 0}

Row = dict[str, Any]


def load(model: str, place: str) -> Teacher:
    """A model out of a voice, by name or directory, or out of a training's directory."""
    read = load_acoustic if model == "acoustic" else load_vocoder
    run = Path(place)
    is_run = (run / "config.yaml").is_file() and (run / "weights.safetensors").is_file()
    return read(None, place) if is_run else read(place, None)


def straightness(model: str, teacher: Teacher, place: str, arguments: argparse.Namespace) -> str:
    """The mean bend of the model's paths, with its interval."""
    is_run = teacher.weights.name == "weights.safetensors"
    question = Question(
        kind=model,
        voice=None if is_run else place,
        run=place if is_run else None,
        features=arguments.features,
        split=arguments.split,
        limit=arguments.limit,
        steps=STRAIGHTNESS_STEPS,
        temperature=1.0,
        seed=0,
        device="cpu",
    )
    found = measure(question, lambda _: None)
    return Estimate(found["straightness"], found["low"], found["high"], found["utterances"]).text(4)


def speech_rows(teacher: Teacher, arguments: argparse.Namespace, chosen: list[int]) -> list[Row]:
    """Predicted opinion of the acoustic model's speech through the default voice's vocoder."""
    store = UtteranceStore(arguments.features, arguments.split)
    vocoder = Vocoder.from_pretrained()
    rows = []
    for steps in STEPS:
        pairs = []
        for index in chosen:
            utterance = store.utterances[index]
            ids = torch.tensor([utterance.ids])
            made = teacher.model.synthesise(
                ids, torch.tensor([ids.shape[1]]), [index], steps=steps, grid="uniform"
            )
            sound = vocoder.vocode(made.log_mel[0], seed=index).waveform
            pairs.append(SpeechPair(utterance.id, utterance.text, store.waveform(index), sound))
        judged = evaluate_speech(pairs, teacher.spec, ("dnsmos",), workers=arguments.workers)
        rows.append(_row(judged, "synthetic", steps, ("dnsmos", "p808")))
    rows.append(_row(judged, "natural", None, ("dnsmos", "p808")))
    return rows


def copy_rows(
    teacher: Teacher, arguments: argparse.Namespace, chosen: list[int], **changes: Any
) -> list[Row]:
    """Likeness of copies of held-out recordings."""
    store = UtteranceStore(arguments.features, arguments.split)
    recordings = [(store.utterances[i].id, store.waveform(i)) for i in chosen]
    defaults = Sampling(**teacher.model.config.sampling.model_dump())
    vocoder = Vocoder(teacher.model, replace(defaults, **changes))

    def vocode(mel: Tensor, steps: int, seed: int) -> Tensor:
        return vocoder.vocode(mel, steps=steps, grid="uniform", seed=seed).waveform[0]

    judged = evaluate_copy_synthesis(
        recordings, teacher.spec, vocode, STEPS, baseline=False, workers=arguments.workers
    )
    systems = [system for system in judged.systems if system != "natural"]
    figures = ("pesq", "log_mel_l1", "dnsmos")
    return [_row(judged, s, n, figures) for s, n in zip(systems, STEPS, strict=True)]


def _row(judged: Any, system: str, steps: int | None, figures: Sequence[str]) -> Row:
    return {"steps": steps, **{f: judged.estimate(system, f).text() for f in figures}}


def as_markdown(title: str, rows: Sequence[Row]) -> str:
    """A table of rows of equal keys."""
    keys = list(rows[0])
    lines = [f"**{title}**", "", "| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    for row in rows:
        lines.append(
            "| " + " | ".join("natural" if row[k] is None else str(row[k]) for k in keys) + " |"
        )
    return "\n".join(lines) + "\n"


def main(given: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--features", required=True, help="the feature store")
    parser.add_argument("--model", choices=("acoustic", "vocoder"), required=True)
    parser.add_argument("--before", required=True, help="a voice, or a training's directory")
    parser.add_argument("--after", required=True, help="likewise")
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=20, help="most utterances")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(given)
    torch.set_num_threads(1)
    store = UtteranceStore(arguments.features, arguments.split)
    chosen = choose_utterances(store.utterances, arguments.limit)
    tables: dict[str, list[Row]] = {}
    for when in ("before", "after"):
        place = getattr(arguments, when)
        teacher = load(arguments.model, place)
        bend = straightness(arguments.model, teacher, place, arguments)
        name = f"{when}: {place}, straightness {bend}"
        with torch.inference_mode():
            if arguments.model == "acoustic":
                tables[name] = speech_rows(teacher, arguments, chosen)
            else:
                tables[f"{name}, the flow alone"] = copy_rows(teacher, arguments, chosen, **PLAIN)
                tables[f"{name}, mel-consistent"] = copy_rows(teacher, arguments, chosen)
    if arguments.json:
        sys.stdout.write(json.dumps(tables) + "\n")
        return
    sys.stdout.write("\n".join(as_markdown(name, rows) for name, rows in tables.items()))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
