"""Every experiment in configs/ loads, builds its model, and shares the mel contract of its pair."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.config import load_config
from core.flow import METHODS, make_grid
from text.symbols import SYMBOLS
from tts.model import AcousticModel
from tts.training import AcousticExperiment
from vocoder.rectified.model import RectifiedVocoder
from vocoder.registry import build_vocoder
from vocoder.training import VocoderExperiment

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = sorted(p.name.removesuffix("-acoustic.yaml") for p in CONFIGS.glob("*-acoustic.yaml"))

REFLOW = sorted(p.name.split("-")[0] for p in CONFIGS.glob("*-acoustic-reflow.yaml"))
SHARP = sorted(p.name.split("-")[0] for p in CONFIGS.glob("*-acoustic-sharp.yaml"))


PAIRS = {f"{name}-{kind}.yaml" for name in NAMES for kind in ("acoustic", "vocoder")}
PAIRS |= {f"{name}-{kind}-reflow.yaml" for name in REFLOW for kind in ("acoustic", "vocoder")}
PAIRS |= {f"{name}-{kind}-sharp.yaml" for name in SHARP for kind in ("acoustic", "vocoder")}
OTHERS = sorted(path.stem for path in CONFIGS.iterdir() if path.name not in PAIRS)


def test_configs_come_in_pairs() -> None:
    """An acoustic model and a vocoder for each recipe."""
    assert {path.name for path in CONFIGS.iterdir()} >= PAIRS
    assert {"kathleen", "ljspeech", "vctk", "tiny"} <= set(NAMES)


@pytest.mark.parametrize("name", OTHERS)
def test_other_vocoder_stands_beside_its_recipes_own(name: str) -> None:
    """What else is there is a vocoder on a recipe's corpus and contract, and can be built."""
    recipe = name.partition("-")[0]
    first = load_config(CONFIGS / f"{recipe}-vocoder.yaml", VocoderExperiment)
    other = load_config(CONFIGS / f"{name}.yaml", VocoderExperiment)
    assert other.name == name
    assert other.data.features == first.data.features
    assert other.mel == first.mel
    with torch.device("meta"):
        model = build_vocoder(other.vocoder, other.mel)
    assert 10**4 < sum(p.numel() for p in model.parameters()) < 10**8


@pytest.mark.parametrize("name", NAMES)
def test_config_builds_its_models(name: str) -> None:
    """On the meta device, which costs no memory; names, contracts, methods and grids are right."""
    acoustic = load_config(CONFIGS / f"{name}-acoustic.yaml", AcousticExperiment)
    vocoder = load_config(CONFIGS / f"{name}-vocoder.yaml", VocoderExperiment)
    assert (acoustic.name, vocoder.name) == (f"{name}-acoustic", f"{name}-vocoder")
    assert acoustic.data.features == vocoder.data.features
    vocoder.mel.require_same(acoustic.mel, ours="the vocoder's", theirs="the acoustic model's")
    with torch.device("meta"):
        models = (
            AcousticModel(acoustic.acoustic, acoustic.mel, len(SYMBOLS)),
            RectifiedVocoder(vocoder.vocoder, vocoder.mel),
        )
    for model in models:
        assert 10**4 < sum(p.numel() for p in model.parameters()) < 10**8
    for sampling in (acoustic.acoustic.sampling, vocoder.vocoder.sampling):
        assert sampling.method in METHODS
        assert len(make_grid(sampling.grid, sampling.steps)) == sampling.steps + 1


@pytest.mark.parametrize("name", SHARP)
@pytest.mark.parametrize("kind", ["acoustic", "vocoder"])
def test_sharp_config_continues_its_first_training(name: str, kind: str) -> None:
    """The same model and corpus; only how it samples and learns differs."""
    experiment = AcousticExperiment if kind == "acoustic" else VocoderExperiment
    first, second = (
        load_config(CONFIGS / f"{name}-{kind}{end}.yaml", experiment) for end in ("", "-sharp")
    )
    assert second.name == f"{name}-{kind}-sharp"
    assert second.adversarial is not None
    assert (second.mel, second.data.features) == (first.mel, first.data.features)
    models = [getattr(e, kind).model_dump(exclude={"sampling"}) for e in (first, second)]
    assert models[0] == models[1]


@pytest.mark.parametrize("name", REFLOW)
def test_reflow_config_continues_its_teacher(name: str) -> None:
    """The same models as in the first training, and only their data and optimisation differ."""
    acoustic = [
        load_config(CONFIGS / f"{name}-acoustic{end}.yaml", AcousticExperiment)
        for end in ("", "-reflow")
    ]
    vocoder = [
        load_config(CONFIGS / f"{name}-vocoder{end}.yaml", VocoderExperiment)
        for end in ("", "-reflow")
    ]
    for kind, (first, second) in (("acoustic", acoustic), ("vocoder", vocoder)):
        assert second.name == f"{name}-{kind}-reflow"
        assert second.data.features is None
        assert second.data.pairs is not None
        assert first.mel == second.mel
        models = [getattr(e, kind).model_dump(exclude={"sampling"}) for e in (first, second)]
        assert models[0] == models[1]
        assert second.training.warm_start is not None
