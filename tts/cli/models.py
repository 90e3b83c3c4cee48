"""`straighttalk models`: every network of the house, and what it costs."""

from __future__ import annotations

import json
import sys
from typing import Any

from tts.cli import flags


def describe_models() -> list[dict[str, Any]]:
    """Facts of every network, counted on the real thing.

    Returns:
        For each: name, size ("published" or "small"), model ("acoustic" or "vocoder"), parameters,
        gmac_per_second (multiply-adds of one evaluation for a second of audio, in thousands of
        millions) and purpose.
    """
    from core.audio.mel import MelSpec
    from core.nn.cost import count_parameters
    from text.symbols import SYMBOLS
    from tts import catalogue as acoustic
    from tts.model import AcousticModel
    from vocoder import catalogue as vocoders
    from vocoder.registry import build_vocoder

    described: list[dict[str, Any]] = []
    for preset in acoustic.PRESETS:
        mels = AcousticModel(preset.config, MelSpec(), len(SYMBOLS)).eval()
        cost = acoustic.multiply_adds_per_second(mels)
        described.append(_facts(preset, "acoustic", count_parameters(mels), cost))
    for vocoder in vocoders.PRESETS:
        waves = build_vocoder(vocoder.config, MelSpec()).eval()
        cost = vocoders.multiply_adds_per_second(waves)
        described.append(_facts(vocoder, "vocoder", count_parameters(waves), cost))
    return described


def _facts(preset: Any, model: str, parameters: int, multiply_adds: int) -> dict[str, Any]:
    return {
        "name": preset.name,
        "size": preset.size,
        "model": model,
        "parameters": parameters,
        "gmac_per_second": round(multiply_adds / 1e9, 4),
        "purpose": preset.purpose,
    }


def models(as_json: flags.Json = False, debug: flags.Debug = False) -> None:
    """Show every network: parameters, GMAC per second of audio and evaluation, and its use.

    Example: straighttalk models --json
    """
    described = describe_models()
    if as_json:
        sys.stdout.write(json.dumps(described, ensure_ascii=False) + "\n")
        return
    width = max(len(facts["name"]) for facts in described)
    for facts in described:
        sys.stdout.write(
            f"{facts['name']:<{width}}  {facts['size']:<9}  {facts['parameters']:>10,} parameters  "
            f"{facts['gmac_per_second']:>7.2f} GMAC/s  {facts['purpose']}\n"
        )
