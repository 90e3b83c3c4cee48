"""Models that others learn from: of a voice, or of a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.audio.mel import MelSpec
from core.checkpoint import load_module
from core.config import Config, load_config, parse_config
from core.errors import InputError
from core.training import WEIGHTS
from core.voice import ACOUSTIC, VOCODER, find_voice
from text.symbols import SYMBOLS, symbol_table_hash
from tts.config import AcousticConfig
from tts.model import AcousticModel
from tts.sentences import Sentences
from tts.training import AcousticExperiment, BatchConfig, read_sentences
from vocoder.registry import VocoderSection, build_vocoder
from vocoder.training import VocoderExperiment


@dataclass(frozen=True)
class Teacher:
    """A trained model.

    Attributes:
        model: With its weights, on the CPU.
        config: What it is made of.
        spec: Its mel contract.
        weights: The file of its weights.
        sentences: Reads a split of a feature store as an acoustic model trains on it, with the
            speaker vectors and durations of its training; None for a vocoder.
    """

    model: Any
    config: Config
    spec: MelSpec
    weights: Path
    sentences: Callable[[Path, str], Sentences] | None


def load_acoustic(voice: str | None, run: str | None) -> Teacher:
    """Load an acoustic model.

    Args:
        voice: Name, path or hub address; None takes the default voice.
        run: Directory of a training, in place of a voice.

    Raises:
        InputError: Both are given, or there is no such model, or it is damaged.
    """
    _only_one(voice, run)
    if run is not None:
        experiment = load_config(Path(run) / "config.yaml", AcousticExperiment)
        config, spec, weights = experiment.acoustic, experiment.mel, Path(run) / WEIGHTS
        vectors, durations = experiment.data.speaker_vectors, experiment.data.durations
    else:
        found = find_voice(voice)
        if found.facts.symbols != symbol_table_hash():
            raise InputError(f"voice {found.facts.name} was trained with another symbol table")
        where = f"{found.file('config.yaml')}, acoustic"
        config = parse_config(found.facts.acoustic, AcousticConfig, where)
        spec, weights = found.facts.mel, found.file(ACOUSTIC)
        vectors, durations = None, None

    def sentences(features: Path, split: str) -> Sentences:
        data = BatchConfig(features=features, speaker_vectors=vectors, durations=durations)
        corpus = AcousticExperiment(name="teacher", mel=spec, acoustic=config, data=data)
        return read_sentences(corpus, split)

    model = load_module(weights, lambda: AcousticModel(config, spec, len(SYMBOLS)))
    return Teacher(model.eval(), config, spec, weights, sentences)


def load_vocoder(voice: str | None, run: str | None) -> Teacher:
    """Load a vocoder; arguments and errors as in `load_acoustic`."""
    _only_one(voice, run)
    if run is not None:
        experiment = load_config(Path(run) / "config.yaml", VocoderExperiment)
        config, spec, weights = experiment.vocoder, experiment.mel, Path(run) / WEIGHTS
    else:
        found = find_voice(voice)
        where = str(found.file("config.yaml"))
        config = parse_config({"vocoder": found.facts.vocoder}, VocoderSection, where).vocoder
        spec, weights = found.facts.mel, found.file(VOCODER)
    model = load_module(weights, lambda: build_vocoder(config, spec))
    return Teacher(model.eval(), config, spec, weights, None)


def _only_one(voice: str | None, run: str | None) -> None:
    if voice is not None and run is not None:
        raise InputError("--voice and --run both name a model: give one of them")
