"""Which kinds of vocoder there are, and the one place that makes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.audio.mel import MelSpec
from core.config import Config
from vocoder.iaf.config import IafConfig, TeacherConfig
from vocoder.iaf.model import IafVocoder
from vocoder.iaf.teacher import WaveNetVocoder
from vocoder.interface import VocoderModel
from vocoder.rectified.config import RectifiedConfig
from vocoder.rectified.model import RectifiedVocoder
from vocoder.wavegrad.config import WaveGradConfig
from vocoder.wavegrad.model import WaveGradVocoder

VocoderConfig = Annotated[
    RectifiedConfig | IafConfig | TeacherConfig | WaveGradConfig, Field(discriminator="kind")
]
"""Any vocoder's section of an experiment or a voice; `kind` says which."""


class VocoderSection(Config):
    """A vocoder's configuration under its key.

    Attributes:
        vocoder: The configuration.
    """

    vocoder: VocoderConfig


def build_vocoder(config: VocoderConfig, spec: MelSpec) -> VocoderModel:
    """Make the model that a configuration describes, with fresh weights.

    Args:
        config: Of any kind.
        spec: The mel contract.

    Raises:
        InputError: The sizes do not fit the contract.
    """
    if isinstance(config, IafConfig):
        return IafVocoder(config, spec)
    if isinstance(config, TeacherConfig):
        return WaveNetVocoder(config, spec)
    if isinstance(config, WaveGradConfig):
        return WaveGradVocoder(config, spec)
    return RectifiedVocoder(config, spec)
