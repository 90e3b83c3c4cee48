"""From two trainings to a voice: a directory with both models, their configuration and a card."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from core.checkpoint import load_weights, save_weights
from core.config import load_config
from core.errors import InputError
from core.training import WEIGHTS
from core.voice import ACOUSTIC, CONFIG, VOCODER, VoiceFacts, write_facts
from text.symbols import SYMBOLS, symbol_table_hash
from tts.model import AcousticModel
from tts.training import AcousticExperiment
from vocoder.registry import build_vocoder
from vocoder.training import VocoderExperiment

CARD = "README.md"
LEXICON = "lexicon.txt"


def package_voice(
    acoustic_run: Path,
    vocoder_run: Path,
    directory: Path,
    *,
    name: str,
    licence: str,
    card: str,
    lexicon: Path | None = None,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Make a voice directory, whole or not at all.

    Args:
        acoustic_run: Directory of an acoustic model's training: `config.yaml`, averaged weights.
        vocoder_run: The same of a vocoder.
        directory: The voice; one that is there already is replaced.
        name: Of the voice.
        licence: SPDX name of the weights' licence.
        card: What is to be known of it, in Markdown.
        lexicon: Pronunciations that belong to the voice, or None.
        dtype: Type of the stored weights; statistics of the corpus stay in float32.

    Raises:
        InputError: A training is missing or damaged, the two are under different mel contracts, or
            `directory` is something else than a voice.
        OSError: The disk is full or read-only.
    """
    acoustic = load_config(acoustic_run / "config.yaml", AcousticExperiment)
    vocoder = load_config(vocoder_run / "config.yaml", VocoderExperiment)
    vocoder.mel.require_same(acoustic.mel, ours="the vocoder's", theirs="the acoustic model's")
    _check_target(directory)
    facts = VoiceFacts(
        format=1,
        name=name,
        language=acoustic.language,
        licence=licence,
        symbols=symbol_table_hash(),
        mel=acoustic.mel,
        acoustic=acoustic.acoustic.model_dump(mode="json"),
        vocoder=vocoder.vocoder.model_dump(mode="json"),
    )
    models: dict[str, tuple[nn.Module, Path]] = {
        ACOUSTIC: (AcousticModel(acoustic.acoustic, acoustic.mel, len(SYMBOLS)), acoustic_run),
        VOCODER: (build_vocoder(vocoder.vocoder, vocoder.mel), vocoder_run),
    }
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".voice-") as temporary:
        place = Path(temporary) / "voice"
        place.mkdir()
        for file, (model, run) in models.items():
            load_weights(run / WEIGHTS, model)
            save_weights(place / file, shrink(model, dtype))
        write_facts(place, facts)
        (place / CARD).write_text(with_front_matter(card, facts), encoding="utf-8")
        if lexicon is not None:
            shutil.copyfile(lexicon, place / LEXICON)
        if directory.is_dir():
            directory.replace(Path(temporary) / "former")
        place.replace(directory)


def shrink(model: nn.Module, dtype: torch.dtype) -> Mapping[str, Tensor]:
    """A model's tensors with its weights in another type and its buffers as they are."""
    weights = {name for name, _ in model.named_parameters()}
    state = model.state_dict()
    return {name: value.to(dtype) if name in weights else value for name, value in state.items()}


def with_front_matter(card: str, facts: VoiceFacts) -> str:
    """A card with the header that model hubs read, unless it has one."""
    if card.startswith("---"):
        return card
    header = {
        "license": facts.licence.lower(),
        "language": facts.language,
        "pipeline_tag": "text-to-speech",
        "library_name": "straighttalk",
    }
    lines = "".join(f"{key}: {value}\n" for key, value in header.items())
    return f"---\n{lines}---\n{card.rstrip()}\n"


def _check_target(directory: Path) -> None:
    """Refuse to replace what is not a voice."""
    if directory.is_dir() and any(directory.iterdir()) and not (directory / CONFIG).is_file():
        raise InputError(f"{directory} is not empty and no voice: name another directory")
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory} is a file: name another directory")
