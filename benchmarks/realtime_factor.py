"""Seconds of work for a second of speech on a CPU, ours beside the networks of other systems.

python benchmarks/realtime_factor.py --repeats 7
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import peers
from core.errors import InputError
from core.memory import keep_freed
from core.quality import QUALITIES
from tts.speech import Speech
from tts.synthesizer import Synthesizer

TEXT = (
    "The north wind and the sun were disputing which was the stronger, when a traveler came along "
    "wrapped in a warm cloak."
)
MILLION = 1e6
OURS = "StraightTalk, balanced"


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peer_work(speech: Speech) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """What the other systems have to do for the same sentence.

    Args:
        speech: What ours said: it gives the number of phonemes and of frames.

    Returns:
        A call and a number of parameters by name; those whose package is missing are left out.
    """
    frames = speech.mel.shape[1]
    # Matcha-TTS, too, puts a blank before, between and after the phonemes.
    ids = torch.randint(1, peers.MATCHA_SYMBOLS, (1, 2 * len(speech.phonemes) + 1))
    mel = speech.mel[None]
    work: dict[str, Callable[[], object]] = {}
    sizes: dict[str, int] = {}

    def add(name: str, model: nn.Module, call: Callable[[], object]) -> None:
        work[name] = call
        sizes[name] = sum(p.numel() for p in model.parameters())

    try:
        model, acoustic = peers.matcha()
        add("Matcha-TTS", model, lambda: acoustic(ids, frames))
    except ImportError as error:
        sys.stderr.write(f"Matcha-TTS is left out: {error}\n")
    try:
        model, hifi_gan = peers.hifi_gan()
        add("HiFi-GAN V1", model, lambda: hifi_gan(mel))
    except ImportError as error:
        sys.stderr.write(f"HiFi-GAN is left out: {error}\n")
    model, vocos = peers.vocos()
    add("Vocos", model, lambda: vocos(mel))
    return work, sizes


@torch.inference_mode()
def measure(synthesizer: Synthesizer, text: str, repeats: int) -> dict[str, object]:
    """Median real-time factors over repeats in which everybody takes turns.

    Args:
        synthesizer: Ours.
        text: What to say.
        repeats: Rounds after a first one that does not count.

    Returns:
        Facts of the run, ready for JSON.
    """
    speech = synthesizer.synthesize(text)
    work, sizes = peer_work(speech)
    taken: dict[str, list[float]] = {}
    calls: dict[str, str] = {}
    for number in range(repeats + 1):
        times: dict[str, float] = {}
        for quality in QUALITIES:
            began = time.perf_counter()
            speech = synthesizer.synthesize(text, quality=quality)
            times[f"StraightTalk, {quality}"] = time.perf_counter() - began
            times[f"… its acoustic model, {quality}"] = speech.acoustic_seconds
            times[f"… its vocoder, {quality}"] = speech.vocoder_seconds
            calls[quality] = f"{speech.acoustic_nfe} + {speech.vocoder_nfe}"
        times |= {name: seconds_of(call) for name, call in work.items()}
        if number:
            for name, value in times.items():
                taken.setdefault(name, []).append(value)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    for name in ("HiFi-GAN V1", "Vocos"):
        if "Matcha-TTS" in medians and name in medians:
            medians[f"Matcha-TTS + {name}"] = medians["Matcha-TTS"] + medians[name]
            sizes[f"Matcha-TTS + {name}"] = sizes["Matcha-TTS"] + sizes[name]
    models = (synthesizer.acoustic, synthesizer.vocoder.model)
    own = sum(p.numel() for model in models for p in model.parameters())
    return {
        "voice": synthesizer.voice.facts.name,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "repeats": repeats,
        "audio_seconds": round(speech.seconds, 3),
        "evaluations": calls,
        "rtf": {name: value / speech.seconds for name, value in medians.items()},
        "parameters": {OURS: own, **sizes},
    }


def as_markdown(facts: dict[str, object]) -> str:
    """The facts of `measure` as a table."""
    rtf, sizes, calls = facts["rtf"], facts["parameters"], facts["evaluations"]
    assert isinstance(rtf, dict)
    assert isinstance(sizes, dict)
    assert isinstance(calls, dict)
    own = rtf[OURS]
    costs = "; ".join(f"{quality} {cost}" for quality, cost in calls.items())
    rows = [
        f"{facts['voice']}: {facts['audio_seconds']} s of speech, {facts['threads']} thread(s), "
        f"torch {facts['torch']}, median of {facts['repeats']}. Function evaluations of acoustic "
        f"model and vocoder: {costs}\n",
        "| | million parameters | real-time factor | in units of ours, balanced |",
        "|---|---|---|---|",
    ]
    for name, value in rtf.items():
        size = f"{sizes[name] / MILLION:.1f}" if name in sizes else ""
        rows.append(f"| {name} | {size} | {value:.3f} | {value / own:.2f} |")
    return "\n".join(rows)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-v", "--voice", help="name, directory or hf:// address")
    parser.add_argument("-t", "--text", default=TEXT)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    # As the command line does.
    keep_freed()
    try:
        synthesizer = Synthesizer.from_pretrained(chosen.voice, device="cpu")
        facts = measure(synthesizer, chosen.text, chosen.repeats)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(json.dumps(facts) if chosen.json else as_markdown(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
