"""`straighttalk doctor`: is everything here, and how fast is it?"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import typer

from tts.cli import flags
from tts.cli.messages import explain, tell
from tts.cli.player import find_player

SENTENCE = "The quick brown fox jumps over the lazy dog."
PACKAGES = (
    "torch", "numpy", "safetensors", "pydantic", "soundfile", "soxr", "librosa", "phonemizer",
    "espeakng-loader", "typer", "rich",
)  # fmt: skip


def doctor(
    voice: flags.Voice = None,
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    debug: flags.Debug = False,
) -> None:
    """Show versions, device, player and caches, and speak a test sentence.

    Exits with 1 when something that speaking needs is missing or fails.

    Example: straighttalk doctor --json
    """
    facts = machine()
    try:
        facts |= speaking(voice, device)
    except Exception as error:
        known = explain(error)
        facts["error"] = known[0] if known else f"{type(error).__name__}: {error}"
    facts["ok"] = "error" not in facts
    if as_json:
        sys.stdout.write(json.dumps(facts, ensure_ascii=False) + "\n")
    else:
        for name, value in facts.items():
            sys.stdout.write(f"{name.replace('_', ' ')}: {_shown(value)}\n")
    if "error" in facts:
        tell(f"error: the test sentence could not be spoken: {facts['error']}")
        raise typer.Exit(1)


def machine() -> dict[str, Any]:
    """Versions, device, player and directories."""
    import soundfile
    import torch

    from core.voice import home
    from tts.synthesizer import pick_device

    player = find_player()
    hub = (
        os.environ.get("HF_HUB_CACHE")
        or Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser() / "hub"
    )
    device = pick_device("auto")
    return {
        "straighttalk": flags.version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "espeak": _espeak(),
        "libsndfile": soundfile.__libsndfile_version__,
        "device": device,
        "device_name": torch.cuda.get_device_name() if device == "cuda" else platform.processor(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "player": player.program if player else None,
        "home": str(home()),
        "hub_cache": str(hub),
        "offline": os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"),
    }


def speaking(voice: str | None, device: str) -> dict[str, Any]:
    """Load a voice and speak a sentence twice, the second time with everything warm.

    Args:
        voice: Name, path or hub address; None for the default voice.
        device: Where to run.

    Returns:
        The voice, and how long each part took.
    """
    from tts.synthesizer import Synthesizer

    began = time.perf_counter()
    synthesizer = Synthesizer.from_pretrained(voice, device=device)
    loaded = time.perf_counter()
    synthesizer.synthesize(SENTENCE)
    first = time.perf_counter()
    speech = synthesizer.synthesize(SENTENCE)
    seconds = time.perf_counter() - first
    return {
        "voice": synthesizer.voice.facts.name,
        "voice_directory": str(synthesizer.voice.directory),
        "test_sentence": SENTENCE,
        "load_seconds": round(loaded - began, 3),
        "first_seconds": round(first - loaded, 3),
        "audio_seconds": round(speech.seconds, 3),
        "seconds": round(seconds, 3),
        "rtf": round(seconds / speech.seconds, 4),
        "acoustic_seconds": round(speech.acoustic_seconds, 4),
        "vocoder_seconds": round(speech.vocoder_seconds, 4),
        "acoustic_nfe": speech.acoustic_nfe,
        "vocoder_nfe": speech.vocoder_nfe,
    }


def _espeak() -> str:
    """What the bundled eSpeak NG calls itself, or what is wrong with it."""
    try:
        import espeakng_loader

        library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    except (ImportError, OSError) as error:
        return f"missing ({error})"
    library.espeak_Info.restype = ctypes.c_char_p
    return str(library.espeak_Info(None).decode())


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v or 'missing'}" for k, v in value.items())
    return {None: "none", True: "yes", False: "no"}.get(value, str(value))
