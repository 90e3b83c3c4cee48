"""Training a vocoder from a feature store."""

from __future__ import annotations

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.audio.mel import MelExtractor, MelSpec
from core.checkpoint import load_weights
from core.config import load_config
from core.data.store import UtteranceStore, write_header, write_split
from core.errors import InputError
from core.training import WEIGHTS, TrainingConfig
from tests.tiny import SPEC, vocoder_config, write_store
from vocoder.config import SamplingConfig
from vocoder.rectified.model import RectifiedVocoder
from vocoder.training import (
    MARGIN_FRAMES,
    FixedWindows,
    VocoderExperiment,
    WindowConfig,
    Windows,
    train_vocoder,
)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


def windows(store, **changes):
    config = WindowConfig(**{"features": store, "batch_size": 4, "window_frames": 12, **changes})
    return Windows(UtteranceStore(store, "train"), config, SPEC, seed=0)


def experiment(store, vocoder=None, **changes):
    settings = {"steps": 3, "warmup_steps": 1, "precision": "fp32", "validate_every_steps": 3}
    return VocoderExperiment(
        name="tiny",
        mel=SPEC,
        vocoder=vocoder or vocoder_config(),
        data=WindowConfig(features=store, batch_size=2, window_frames=12, statistics_windows=8),
        training=TrainingConfig(**{**settings, **changes}),
    )


def test_windows_are_a_function_of_seed_and_number(store):
    """Asked for in any order: the same windows; other numbers, other windows."""
    made = windows(store)
    batches = [made[n] for n in range(4)]
    assert torch.equal(windows(store)[2]["waveform"], batches[2]["waveform"])
    assert not torch.equal(batches[0]["waveform"], batches[1]["waveform"])


def test_window_and_mel_belong_together(store):
    """The mel is that of the corpus around the window: inside, that of the window itself."""
    made = windows(store)
    batch = made[0]
    assert batch["waveform"].shape == (4, 12 * 16)
    assert batch["mel"].shape == (4, 6, 12)
    alone = MelExtractor(SPEC)(batch["waveform"])
    inner = slice(MARGIN_FRAMES, -MARGIN_FRAMES)
    torch.testing.assert_close(batch["mel"][:, :, inner], alone[:, :, inner], rtol=0, atol=1e-4)


def test_gain_stays_in_its_range_and_never_clips(store):
    """Louder by at most 12 dB, and not at all where that would leave [-1, 1]."""
    plain = windows(store).batch(0, 64, (0.0, 0.0))["waveform"]
    loud = windows(store).batch(0, 64, (12.0, 12.0))["waveform"]
    gain = loud.abs().amax(1) / plain.abs().amax(1)
    assert loud.abs().max() <= 1
    expected = torch.where(plain.abs().amax(1) * 10**0.6 > 1, 1.0, 10**0.6)
    torch.testing.assert_close(gain, expected, rtol=1e-4, atol=0)


def test_validation_windows_do_not_change(store):
    """A fixed number of batches at the corpus's own loudness."""
    fixed = FixedWindows(windows(store), count=3)
    assert len(list(fixed)) == len(fixed) == 3
    assert torch.equal(fixed[1]["waveform"], fixed[1]["waveform"])


def test_training_writes_all_that_is_needed_later(store, tmp_path):
    """Configuration, averaged weights with the corpus's statistics, a log with audio and mels."""
    given = experiment(store)
    train_vocoder(given, tmp_path, resume=False, accelerator="cpu")
    assert load_config(tmp_path / "config.yaml", VocoderExperiment) == given
    model = RectifiedVocoder(given.vocoder, SPEC)
    load_weights(tmp_path / WEIGHTS, model)
    assert not torch.equal(model.envelope.gain, torch.ones(33))
    assert not torch.equal(model.mel_mean, torch.zeros(6, 1))
    log = EventAccumulator(str(tmp_path)).Reload()
    assert {"copy", "recording"} <= set(log.Tags()["audio"])
    assert "mels" in log.Tags()["images"]
    scalars = set(log.Tags()["scalars"])
    assert {"train/loss", "train/error", "valid/loss", "valid/log_mel_l1"} <= scalars


@pytest.mark.parametrize("prior", ["mel", "white"])
@pytest.mark.parametrize("preconditioned", [True, False])
def test_every_option_takes_a_step(store, tmp_path, prior, preconditioned):
    """In bfloat16, as on an accelerator; the weights stay finite."""
    vocoder = vocoder_config(prior=prior, preconditioned=preconditioned)
    given = experiment(store, vocoder, steps=1, precision="bf16")
    train_vocoder(given, tmp_path, resume=False, accelerator="cpu")
    model = RectifiedVocoder(vocoder, SPEC)
    load_weights(tmp_path / WEIGHTS, model)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


@pytest.mark.parametrize("schedule", ["t0", "t1", 2])
def test_every_time_schedule_trains(store, tmp_path, schedule):
    """The copy is logged in the schedule's own steps; what knows no way to sound makes none."""
    vocoder = vocoder_config(time_schedule=schedule, sampling=SamplingConfig())
    train_vocoder(experiment(store, vocoder), tmp_path, resume=False, accelerator="cpu")
    log = EventAccumulator(str(tmp_path)).Reload()
    assert ("valid/log_mel_l1" in log.Tags()["scalars"]) == (schedule != "t1")


def test_training_is_not_begun_over_another(store, tmp_path):
    """Not even the configuration of the first is touched."""
    train_vocoder(experiment(store, steps=1), tmp_path, resume=False, accelerator="cpu")
    before = (tmp_path / "config.yaml").read_bytes()
    with pytest.raises(InputError, match="--resume"):
        train_vocoder(experiment(store, steps=9), tmp_path, resume=False, accelerator="cpu")
    assert (tmp_path / "config.yaml").read_bytes() == before


def test_corpus_of_another_rate_is_refused(store):
    """Both rates are named."""
    config = WindowConfig(features=store)
    with pytest.raises(InputError, match="at 8000 Hz, the mel contract at 22050 Hz"):
        Windows(UtteranceStore(store, "train"), config, MelSpec(), 0)


def test_corpus_shorter_than_a_window_is_refused(tmp_path):
    """With both lengths; also one of nothing."""
    write_split(tmp_path, "train", [])
    write_header(tmp_path, 8000)
    with pytest.raises(InputError, match=r"holds 0 samples, less than one window \(256\)"):
        windows(tmp_path)
