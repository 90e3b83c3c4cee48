"""Who speaks: by name, by shares of several names, or by a vector."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.errors import InputError, unknown_name
from tts.config import AcousticConfig


def speaker_layer(config: AcousticConfig) -> nn.Embedding | nn.Linear | None:
    """What turns speakers into embeddings; None for a model of one voice."""
    if config.speaker_embedding == "vector":
        return nn.Linear(config.speaker_vector_channels, config.speaker_channels)
    if config.many_speakers:
        return nn.Embedding(len(config.speakers), config.speaker_channels)
    return None


def embed_speaker(layer: nn.Embedding | nn.Linear | None, speaker: Tensor | None) -> Tensor | None:
    """The embeddings (B, C) of a batch's speakers.

    Args:
        layer: Of `speaker_layer`.
        speaker: Numbers (B,) int64, shares of all speakers (B, S) float, or vectors (B, V) float.

    Raises:
        InputError: The model needs a speaker and there is none.
    """
    if layer is None:
        return None
    if speaker is None:
        if isinstance(layer, nn.Linear):
            raise InputError("this model knows its speakers by vectors: give one")
        raise InputError(f"this model has {layer.num_embeddings} speakers: name one")
    if isinstance(layer, nn.Embedding) and speaker.is_floating_point():
        return speaker @ layer.weight
    embedding: Tensor = layer(speaker)
    return embedding


def speaker_shares(text: str, speakers: Sequence[str]) -> list[float]:
    """Shares of each speaker, which sum to 1.

    Args:
        text: A name, or several with their weights: "p225:0.7+p226:0.3"; without weights they are
            equal.
        speakers: The names there are.

    Raises:
        InputError: A name is unknown or given twice, or a weight is no number above 0.
    """
    parts = [text] if text in speakers else text.split("+")
    shares = [0.0] * len(speakers)
    for part in parts:
        name, colon, weight = (part, "", "") if part in speakers else part.rpartition(":")
        name = name if colon else part
        if name not in speakers:
            raise unknown_name("speaker", name[:80], speakers)
        share = float(weight) if re.fullmatch(r"\d*\.?\d+", weight) else 0.0 if colon else 1.0
        if not 0 < share < math.inf or shares[speakers.index(name)]:
            raise InputError(
                f"speaker {text[:80]!r} is no mixture: write each name once with a weight above 0, "
                f"as in {speakers[0]}:0.7+{speakers[-1]}:0.3"
            )
        shares[speakers.index(name)] = share
    total = sum(shares)
    return [share / total for share in shares]


def chosen_speaker(
    config: AcousticConfig, name: str | None, vector: Sequence[float] | None, voice: str
) -> Tensor | None:
    """One speaker as a model wants it: shares or a vector (S,); None for a model of one voice.

    Args:
        config: Of the model.
        name: As in `speaker_shares`; None for the first speaker.
        vector: Who speaks, for a model that knows speakers by vectors.
        voice: What to call the voice in an error.

    Raises:
        InputError: There is no such speaker, a mixture makes no sense, or a vector is missing, not
            wanted or of another length.
    """
    if config.speaker_embedding == "vector":
        wanted = config.speaker_vector_channels
        if name or vector is None or len(vector) != wanted:
            given = "none was given" if vector is None else f"one of {len(vector)} was given"
            raise InputError(f"{voice} wants a speaker vector of {wanted} numbers and {given}")
        return torch.tensor(vector)
    if vector is not None:
        raise InputError(f"{voice} takes no speaker vector")
    if not config.speakers:
        if name:
            raise InputError(f"{voice} has one speaker: leave out {name[:80]!r}")
        return None
    shares = speaker_shares(config.speakers[0] if name is None else name, config.speakers)
    return torch.tensor(shares) if config.many_speakers else None
