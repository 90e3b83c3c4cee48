"""Voices: directories with a configuration, weights and a card.

    config.yaml              what the models are made of
    acoustic.safetensors     weights of the acoustic model
    vocoder.safetensors      weights of the vocoder
    README.md                the card: corpus, licence, training, measured quality

A voice is named by a shipped name, a name under `$STRAIGHTTALK_HOME/voices`, a path, or
`hf://organisation/name[@revision]` on the Hugging Face hub.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path
from pydantic import Field

from core.audio.mel import MelSpec
from core.config import Config, load_config, save_config
from core.errors import InputError, unknown_name

DEFAULT_VOICE = "kathleen"
SHIPPED = Path(__file__).parent / "voices"
HUB_PREFIX = "hf://"
CONFIG, ACOUSTIC, VOCODER = "config.yaml", "acoustic.safetensors", "vocoder.safetensors"
FILES = (CONFIG, ACOUSTIC, VOCODER, "README.md", "lexicon.txt")


class VoiceFacts(Config):
    """A voice's `config.yaml`.

    Attributes:
        format: Of this file.
        name: Of the voice.
        language: eSpeak code.
        licence: SPDX name of the weights' licence.
        symbols: Hash of the symbol table that the acoustic model was trained with.
        mel: The contract between the two models.
        acoustic: Configuration of the acoustic model, read by `tts`.
        vocoder: Configuration of the vocoder, read by `vocoder`.
    """

    format: int = Field(ge=1, le=1)
    name: str
    language: str
    licence: str
    symbols: str
    mel: MelSpec
    acoustic: dict[str, Any]
    vocoder: dict[str, Any]


@dataclass(frozen=True)
class Voice:
    """A voice that was found.

    Attributes:
        directory: Where it is.
        facts: Its configuration.
    """

    directory: Path
    facts: VoiceFacts

    def file(self, name: str) -> Path:
        """One of its files."""
        return self.directory / name


def home() -> Path:
    """Where downloaded and added voices live: `$STRAIGHTTALK_HOME` or the user's cache."""
    named = os.environ.get("STRAIGHTTALK_HOME")
    return Path(named) if named else user_cache_path("straighttalk")


def list_voices() -> dict[str, Path]:
    """Voices that can be called by name: shipped ones and those of `home()`."""
    found = {}
    for root in (home() / "voices", SHIPPED):
        if root.is_dir():
            for directory in sorted(root.iterdir()):
                if (directory / CONFIG).is_file():
                    found[directory.name] = directory
    return found


def find_voice(name: str | Path | None = None, *, paths: bool = True) -> Voice:
    """Find a voice and read its configuration.

    Args:
        name: Name, path or hub address; None takes `$STRAIGHTTALK_VOICE` or the shipped voice.
        paths: Whether paths and hub addresses are allowed; a server says no.

    Raises:
        InputError: There is no such voice, or its configuration is not one.
    """
    wanted = str(name or os.environ.get("STRAIGHTTALK_VOICE") or DEFAULT_VOICE)
    is_path = isinstance(name, Path) or bool(re.search(r"[/\\]", wanted)) or wanted in (".", "..")
    # A link may lead out of the voices, which is for those alone who may name any path.
    voices = {n: found for n, found in list_voices().items() if paths or not found.is_symlink()}
    if wanted in voices and not is_path:
        directory = voices[wanted]
    elif paths and wanted.startswith(HUB_PREFIX):
        directory = _from_hub(wanted)
    elif paths and is_path:
        directory = Path(wanted)
        # os.path says no where pathlib raises: a NUL, a name too long for the system.
        if not os.path.isfile(os.path.join(wanted, CONFIG)):
            raise InputError(f"{wanted[:80]!r} is no voice: it has no {CONFIG}")
    else:
        raise unknown_name("voice", wanted[:80], sorted(voices))
    return Voice(directory, load_config(directory / CONFIG, VoiceFacts))


def write_facts(directory: Path, facts: VoiceFacts) -> None:
    """Write a voice's `config.yaml`."""
    save_config(directory / CONFIG, facts)


def _from_hub(address: str) -> Path:
    repository, _, revision = address.removeprefix(HUB_PREFIX).partition("@")
    if not re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}", repository):
        known = "write hf://organisation/name[@revision]"
        raise InputError(f"{address[:80]!r} is no hub address: {known}")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise InputError(
            'voices from the hub need huggingface_hub: pip install "straighttalk[hub]"'
        ) from error
    try:
        return Path(
            snapshot_download(repository, revision=revision or None, allow_patterns=list(FILES))
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the voice {address} could not be fetched: {reason}") from error
