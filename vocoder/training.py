"""Training a vocoder from YAML."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from core.adversarial import check_fine_tune
from core.audio.mel import MelExtractor, MelSpec
from core.checkpoint import load_weights
from core.config import Config, save_config
from core.data.pair_store import PairStore, Source
from core.data.store import UtteranceStore
from core.errors import InputError
from core.training import TrainingConfig, find_state, fit
from vocoder.adversarial import AdversarialConfig, AdversarialVocoderTask
from vocoder.interface import Sampling, VocoderModel
from vocoder.pairs import PairWindows, check_student
from vocoder.rectified.config import RectifiedConfig
from vocoder.rectified.model import RectifiedVocoder
from vocoder.registry import VocoderConfig, build_vocoder
from vocoder.task import VocoderTask

# Frames beyond each end of a window, so that its mel does not see the cut.
MARGIN_FRAMES = 2


class WindowConfig(Source):
    """Windows cut from the corpus or from reflow pairs.

    Attributes:
        features: The feature store.
        pairs: The pairs, in place of features.
        batch_size: Windows a step.
        window_frames: Length of a window in mel frames.
        gain_range_db: Each window is made louder by a gain drawn from this range.
        statistics_windows: Windows that the corpus's statistics are measured on.
    """

    batch_size: int = Field(16, ge=1)
    window_frames: int = Field(64, ge=4)
    gain_range_db: tuple[float, float] = (-9.0, 3.0)
    statistics_windows: int = Field(512, ge=1)

    @model_validator(mode="after")
    def _pairs_keep_their_level(self) -> WindowConfig:
        if self.pairs is not None and self.gain_range_db != (0.0, 0.0):
            raise InputError(
                "gain_range_db must be [0.0, 0.0] with pairs: made louder, they are pairs no more"
            )
        return self


class VocoderExperiment(Config):
    """Everything that decides a vocoder's training.

    Attributes:
        name: Of the experiment; its directory under `runs/`.
        mel: The mel contract.
        vocoder: The model.
        data: Windows.
        training: Optimisation.
        adversarial: Fine-tuning of a trained model's few-step sampler; null for the flow itself.
    """

    name: str
    mel: MelSpec = MelSpec()
    vocoder: VocoderConfig = RectifiedConfig()
    data: WindowConfig
    training: TrainingConfig = TrainingConfig()
    adversarial: AdversarialConfig | None = None

    @model_validator(mode="after")
    def _needs_a_trained_model(self) -> VocoderExperiment:
        if self.adversarial is not None:
            if self.vocoder.kind != "rectified":
                raise InputError(f"adversarial fine-tunes kind rectified, not {self.vocoder.kind}")
            check_fine_tune(self.training, self.data)
        return self


class Windows(Dataset[dict[str, Tensor]]):
    """Batch n: windows of the corpus read as one stream, with their mels.

    Args:
        store: The corpus.
        config: Windows.
        spec: The mel contract.
        seed: Batch n is a function of the seed and n.
    """

    def __init__(self, store: UtteranceStore, config: WindowConfig, spec: MelSpec, seed: int):
        if store.sample_rate_hz != spec.sample_rate_hz:
            raise InputError(
                f"{config.features} is at {store.sample_rate_hz} Hz, "
                f"the mel contract at {spec.sample_rate_hz} Hz"
            )
        self.store, self.config, self.spec, self.seed = store, config, spec, seed
        self.extract = MelExtractor(spec)
        self.samples = (config.window_frames + 2 * MARGIN_FRAMES) * spec.hop_samples
        if store.total_samples < self.samples:
            raise InputError(
                f"{config.features} holds {store.total_samples} samples, "
                f"less than one window ({self.samples})"
            )

    def batch(self, step: int, size: int, gain_range_db: tuple[float, float]) -> dict[str, Tensor]:
        """Draw `size` windows for one step."""
        rng = np.random.default_rng([self.seed, step])
        starts = rng.integers(0, self.store.total_samples - self.samples + 1, size)
        wave = torch.stack([self.store.window(int(s), self.samples) for s in starts])
        gain = torch.from_numpy(10 ** (rng.uniform(*gain_range_db, (size, 1)) / 20)).float()
        # A window that would clip keeps its own level.
        wave = wave * torch.where(wave.abs().amax(1, keepdim=True) * gain > 1, 1.0, gain)
        margin = MARGIN_FRAMES
        mel = self.extract(wave)[:, :, margin:-margin]
        hop = self.spec.hop_samples
        return {"waveform": wave[:, margin * hop : -margin * hop], "mel": mel}

    def sample(self, step: int, size: int) -> dict[str, Tensor]:
        """Windows at the corpus's own loudness."""
        return self.batch(step, size, (0.0, 0.0))

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        """The batch of a training step."""
        return self.batch(step, self.config.batch_size, self.config.gain_range_db)


class FixedWindows(Dataset[dict[str, Tensor]]):
    """A few unchanging batches for validation.

    Args:
        windows: Where they are cut from.
        count: How many.
    """

    def __init__(self, windows: Windows, count: int = 8) -> None:
        self.windows, self.count = windows, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """One batch, at the corpus's own loudness."""
        if index >= self.count:
            raise IndexError(index)
        return self.windows.sample(index, self.windows.config.batch_size)


def train_vocoder(
    experiment: VocoderExperiment, directory: Path, *, resume: bool, accelerator: str = "auto"
) -> None:
    """Train a vocoder.

    Args:
        experiment: Everything that decides it.
        directory: Where states, weights and logs go.
        resume: Go on from the newest state there.
        accelerator: "auto", "cpu", "cuda" or "mps".

    Raises:
        InputError: The features, the configuration or the states are not fit for it.
    """
    find_state(directory, resume)
    config, training = experiment.data, experiment.training
    pairs = None if config.pairs is None else PairStore(config.pairs, "vocoder", experiment.mel)
    windows, valid = _windows(experiment, pairs)
    torch.manual_seed(training.seed)
    model = build_vocoder(experiment.vocoder, experiment.mel)
    if training.warm_start is None:
        # Step -1 of the sampler's numbering: no training step sees the same windows.
        sample = windows.sample(2**31, config.statistics_windows)
        model.measure_corpus(sample["waveform"], sample["mel"])
    else:
        load_weights(training.warm_start, model, without=training.warm_start_without)
    if pairs is not None:
        check_student(model, pairs, training.warm_start)
    directory.mkdir(parents=True, exist_ok=True)
    save_config(directory / "config.yaml", experiment)
    task = _task(experiment, model)
    loader = DataLoader(valid, batch_size=None)
    fit(task, windows, loader, directory, resume=resume, accelerator=accelerator)


def _task(experiment: VocoderExperiment, model: VocoderModel) -> VocoderTask:
    training = experiment.training
    sampling = Sampling(**experiment.vocoder.sampling.model_dump())
    if experiment.adversarial is not None and isinstance(model, RectifiedVocoder):
        return AdversarialVocoderTask(model, training, sampling, experiment.adversarial)
    return VocoderTask(model, training, sampling)


def _windows(
    experiment: VocoderExperiment, pairs: PairStore | None
) -> tuple[Windows | PairWindows, Dataset[dict[str, Tensor]]]:
    """Training and validation batches."""
    config, seed = experiment.data, experiment.training.seed
    if pairs is None:
        windows = Windows(config.store("train"), config, experiment.mel, seed)
        return windows, FixedWindows(Windows(config.store("valid"), config, experiment.mel, 1))
    numbers, held_out = pairs.split()
    cut = config.window_frames, config.batch_size
    valid = Subset(PairWindows(pairs, held_out, *cut, seed=1), range(8))
    return PairWindows(pairs, numbers, *cut, seed=seed), valid
