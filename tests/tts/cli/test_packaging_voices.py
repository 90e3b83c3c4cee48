"""From two trainings to a voice that speaks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.audio.mel import MelSpec
from core.checkpoint import save_weights
from core.config import save_config
from core.errors import InputError
from core.voice import find_voice
from text.symbols import SYMBOLS, symbol_table_hash
from tts.cli.packaging import package_voice
from tts.config import AcousticConfig, DecoderConfig, EncoderConfig
from tts.model import AcousticModel
from tts.synthesizer import Synthesizer
from tts.training import AcousticExperiment, BatchConfig
from vocoder.config import SamplingConfig
from vocoder.rectified.config import RectifiedConfig, StftConvNeXtConfig
from vocoder.rectified.model import RectifiedVocoder
from vocoder.training import VocoderExperiment, WindowConfig


def acoustic_run(directory: Path, spec: MelSpec | None = None) -> Path:
    """What a training of a tiny acoustic model leaves behind."""
    spec = spec or MelSpec()
    config = AcousticConfig(
        speakers=("anna", "ben"),
        speaker_channels=8,
        encoder=EncoderConfig(channels=16, conv_blocks=1, attention_layers=1, heads=2),
        decoder=DecoderConfig(channels=16, blocks=1, heads=2, condition_channels=8),
    )
    experiment = AcousticExperiment(
        name="a", language="en-gb", mel=spec, acoustic=config, data=BatchConfig(features=Path("f"))
    )
    torch.manual_seed(1)
    model = AcousticModel(config, spec, len(SYMBOLS))
    model.mel_mean.fill_(-5.1234567)
    return write_run(directory, experiment, model)


def vocoder_run(directory: Path, spec: MelSpec | None = None) -> Path:
    """What a training of a tiny vocoder leaves behind."""
    spec = spec or MelSpec()
    config = RectifiedConfig(
        network=StftConvNeXtConfig(channels=16, blocks=1, mel_blocks=1),
        sampling=SamplingConfig(steps=1, consistency_rounds=1, final_rounds=1),
    )
    data = WindowConfig(features=Path("f"))
    experiment = VocoderExperiment(name="v", mel=spec, vocoder=config, data=data)
    torch.manual_seed(2)
    return write_run(directory, experiment, RectifiedVocoder(config, spec))


def write_run(
    directory: Path, experiment: AcousticExperiment | VocoderExperiment, model: torch.nn.Module
) -> Path:
    directory.mkdir(parents=True)
    save_config(directory / "config.yaml", experiment)
    save_weights(directory / "weights.safetensors", model.state_dict())
    return directory


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two trainings under the same contract."""
    return acoustic_run(tmp_path / "runs" / "a"), vocoder_run(tmp_path / "runs" / "v")


def package(runs: tuple[Path, Path], directory: Path, card: str = "# Test\n") -> None:
    package_voice(*runs, directory, name="test", licence="CC0-1.0", card=card)


def test_packaged_voice_is_found_and_speaks(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """Facts of both trainings, and sound out of it."""
    package(runs, tmp_path / "voice")
    facts = find_voice(tmp_path / "voice").facts
    assert (facts.name, facts.language, facts.licence) == ("test", "en-gb", "CC0-1.0")
    assert facts.symbols == symbol_table_hash()
    voice = Synthesizer.from_pretrained(tmp_path / "voice", device="cpu", language="en-us")
    assert voice.speakers == ("anna", "ben")
    assert voice.synthesize("Hi.", speaker="ben").waveform.numel() > 0


def test_weights_are_halved_and_statistics_are_not(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """Parameters in float16, the corpus's mean exactly as it was measured."""
    package(runs, tmp_path / "voice")
    stored = load_file(tmp_path / "voice" / "acoustic.safetensors")
    trained = load_file(runs[0] / "weights.safetensors")
    assert stored.keys() == trained.keys()
    assert stored["mel_mean"].dtype == torch.float32
    torch.testing.assert_close(stored["mel_mean"], trained["mel_mean"], rtol=0, atol=0)
    assert stored["mean_out.weight"].dtype == torch.float16
    torch.testing.assert_close(
        stored["mean_out.weight"].float(), trained["mean_out.weight"], rtol=1e-3, atol=1e-6
    )


def test_card_gets_the_header_of_model_hubs_once(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """Licence and language for machines; a card that has its own header keeps it."""
    package(runs, tmp_path / "one")
    card = (tmp_path / "one" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: cc0-1.0\nlanguage: en-gb\n")
    assert card.endswith("---\n# Test\n")
    package(runs, tmp_path / "two", card)
    assert (tmp_path / "two" / "README.md").read_text(encoding="utf-8") == card


def test_models_of_two_contracts_are_refused(tmp_path: Path) -> None:
    """The field is named, and nothing is written."""
    runs = acoustic_run(tmp_path / "a"), vocoder_run(tmp_path / "v", MelSpec(f_max_hz=7600.0))
    with pytest.raises(InputError, match="f_max_hz"):
        package(runs, tmp_path / "voice")
    assert not (tmp_path / "voice").exists()


def test_a_voice_is_replaced_whole_and_nothing_else_ever(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    """A voice that is there goes as a whole; a directory of other things, and a file, stay."""
    package(runs, tmp_path / "voice")
    (tmp_path / "voice" / "lexicon.txt").write_text("old")
    package(runs, tmp_path / "voice")
    assert not (tmp_path / "voice" / "lexicon.txt").exists()
    for target in (tmp_path / "runs", tmp_path / "voice" / "README.md"):
        with pytest.raises(InputError, match="name another directory"):
            package(runs, target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs", "voice"]


def test_a_damaged_training_leaves_the_old_voice(runs: tuple[Path, Path], tmp_path: Path) -> None:
    """Everything is read before anything is replaced."""
    package(runs, tmp_path / "voice")
    before = (tmp_path / "voice" / "vocoder.safetensors").read_bytes()
    weights = runs[1] / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        package(runs, tmp_path / "voice")
    assert (tmp_path / "voice" / "vocoder.safetensors").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs", "voice"]


def test_a_training_that_is_not_there_is_named(tmp_path: Path) -> None:
    """One sentence with the file that is missing."""
    run = vocoder_run(tmp_path / "v")
    with pytest.raises(InputError, match=r"cannot read .*nowhere.*config\.yaml"):
        package((tmp_path / "nowhere", run), tmp_path / "voice")
