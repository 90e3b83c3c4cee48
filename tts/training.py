"""Training an acoustic model from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core.adversarial import check_fine_tune
from core.audio.mel import MelSpec
from core.checkpoint import load_weights
from core.config import Config, save_config
from core.data.batching import BatchPlan, BatchSequence
from core.data.pair_store import PairStore, Source
from core.errors import InputError
from core.training import Task, TrainingConfig, find_state, fit
from text.symbols import SYMBOLS
from tts.adversarial import AdversarialConfig, AdversarialTask
from tts.config import AcousticConfig
from tts.given_durations import GivenDurations
from tts.losses import acoustic_losses
from tts.model import AcousticModel
from tts.pairs import PairTask, check_student, pair_batches
from tts.sentences import Batch
from tts.sentences import Sentences as Sentences
from tts.speaker_vectors import read_speaker_vectors

STATISTICS_UTTERANCES = 512


class BatchConfig(Source):
    """Utterances put together.

    Attributes:
        features: The feature store.
        pairs: Reflow pairs, in place of features.
        batch_seconds: Largest padded size of a batch.
        join_probability: Probability that an item is two or three utterances in a row, so that
            long sentences hold.
        speaker_vectors: `.npz` or `.safetensors` with a vector for each speaker or utterance, for a
            model whose `speaker_embedding` is "vector".
        durations: Where phonemes or words lie (`tts.given_durations`); null for alignment search
            alone.
    """

    batch_seconds: float = Field(60.0, gt=0)
    join_probability: float = Field(0.2, ge=0, le=1)
    speaker_vectors: Path | None = None
    durations: Path | None = None

    @model_validator(mode="after")
    def _pairs_stay_alone(self) -> BatchConfig:
        if self.pairs is not None and self.join_probability:
            raise InputError("join_probability must be 0 with pairs: two in a row are no pair")
        if self.pairs is not None and self.durations is not None:
            raise InputError("pairs have durations of their own: leave out durations")
        return self


class AcousticExperiment(Config):
    """Everything that decides an acoustic model's training.

    Attributes:
        name: Of the experiment; its directory under `runs/`.
        language: eSpeak code of the corpus's language.
        mel: The mel contract.
        acoustic: The model.
        data: Batches.
        training: Optimisation.
        adversarial: Fine-tuning of a trained model's few-step sampler; null for the flow itself.
    """

    name: str
    language: str = "en-us"
    mel: MelSpec = MelSpec()
    acoustic: AcousticConfig = AcousticConfig()
    data: BatchConfig
    training: TrainingConfig = TrainingConfig()
    adversarial: AdversarialConfig | None = None

    @model_validator(mode="after")
    def _needs_a_trained_model(self) -> AcousticExperiment:
        if self.adversarial is not None:
            check_fine_tune(self.training, self.data)
        return self


class TrainingSteps(Dataset[Batch]):
    """Batch n of a training.

    Args:
        sentences: The training split.
        config: Batches.
        seed: Decides every batch.
    """

    def __init__(self, sentences: Sentences, config: BatchConfig, seed: int) -> None:
        self.sentences = sentences
        utterances = sentences.store.utterances
        plan = BatchPlan(
            lengths=[u.samples for u in utterances],
            max_length=int(config.batch_seconds * sentences.store.sample_rate_hz),
            seed=seed,
            join_probability=config.join_probability,
            groups=[u.speaker for u in utterances],
        )
        self.sequence = BatchSequence(plan)

    def __getitem__(self, step: int) -> Batch:
        """The batch of a training step."""
        return self.sentences.batch(self.sequence[step])


class ValidationBatches(Dataset[Batch]):
    """The first utterances of a split, a few at a time.

    Args:
        sentences: The validation split.
        batch_size: Utterances a batch.
        most: Most utterances in all.
    """

    def __init__(self, sentences: Sentences, batch_size: int = 8, most: int = 48) -> None:
        count = min(len(sentences.store), most)
        self.sentences = sentences
        numbers = [(index,) for index in range(count)]
        self.items = [numbers[i : i + batch_size] for i in range(0, count, batch_size)]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Batch:
        """One batch."""
        return self.sentences.batch(self.items[index])


class AcousticTask(Task):
    """An acoustic model in training; logs mels and alignments of one validation batch."""

    model: AcousticModel

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Duration, prior and flow losses."""
        speaker = batch["speaker"] if self.model.speakers is not None else None
        losses, self._durations = acoustic_losses(
            self.model, batch["ids"], batch["id_lengths"], batch["mel"], batch["frames"], speaker,
            batch.get("windows"),
        )  # fmt: skip
        return losses

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Losses, and in the first batch a mel beside the recording's and its alignment."""
        super().validation_step(batch, batch_idx)
        board: Any = getattr(self.logger, "experiment", None)
        if batch_idx or board is None:
            return
        speaker = batch["speaker"][:1] if self.model.speakers is not None else None
        mels = self.model.synthesise(
            batch["ids"][:1],
            batch["id_lengths"][:1],
            [0],
            speaker=speaker,
            durations=self._durations[:1],
        )
        frames = mels.log_mel.shape[2]
        pair = torch.cat([batch["mel"][:1, :, :frames], mels.log_mel], dim=1).flip(1)
        low, high = pair.amin(), pair.amax()
        board.add_images("mel", ((pair - low) / (high - low))[:, None], self.global_step)
        owner = torch.repeat_interleave(self._durations[0])
        tokens = torch.arange(self._durations.shape[1], device=owner.device)
        alignment = owner[None] == tokens[:, None]
        board.add_image("alignment", alignment.flip(0)[None].float(), self.global_step)


def train_acoustic(
    experiment: AcousticExperiment, directory: Path, *, resume: bool, accelerator: str = "auto"
) -> None:
    """Train an acoustic model.

    Args:
        experiment: Everything that decides it.
        directory: Where states, weights and logs go.
        resume: Go on from the newest state there.
        accelerator: "auto", "cpu", "cuda" or "mps".

    Raises:
        InputError: The features, the configuration or the states are not fit for it.
    """
    find_state(directory, resume)
    prepare = _from_features if experiment.data.pairs is None else _from_pairs
    task, steps, valid = prepare(experiment)
    directory.mkdir(parents=True, exist_ok=True)
    save_config(directory / "config.yaml", experiment)
    loader = DataLoader(valid, batch_size=None)
    fit(task, steps, loader, directory, resume=resume, accelerator=accelerator)


def read_sentences(experiment: AcousticExperiment, split: str) -> Sentences:
    """A split of an experiment's corpus.

    Raises:
        InputError: The features, the speaker vectors or the durations are not fit for it.
    """
    config = experiment.data
    vectors = read_speaker_vectors(config.speaker_vectors) if config.speaker_vectors else None
    durations = GivenDurations(config.durations) if config.durations else None
    return Sentences.for_model(
        config.store(split), experiment.mel, experiment.acoustic, vectors, durations
    )


def _from_features(experiment: AcousticExperiment) -> tuple[Task, Dataset[Batch], Dataset[Batch]]:
    """Task, training and validation batches of a training on recordings."""
    config, training = experiment.data, experiment.training
    sentences, valid = (read_sentences(experiment, split) for split in ("train", "valid"))
    torch.manual_seed(training.seed)
    if not len(sentences.store):
        raise InputError(f"{config.features} has no utterance to train on")
    model = AcousticModel(experiment.acoustic, experiment.mel, len(SYMBOLS))
    if training.warm_start is None:
        stride = max(1, len(sentences.store) // STATISTICS_UTTERANCES)
        sample = sentences.batch([(i,) for i in range(0, len(sentences.store), stride)])
        frame = torch.arange(sample["mel"].shape[2])
        model.measure_corpus(sample["mel"], (frame < sample["frames"][:, None])[:, None])
    else:
        load_weights(training.warm_start, model, without=training.warm_start_without)
    steps = TrainingSteps(sentences, config, training.seed)
    task: Task = AcousticTask(model, training)
    if experiment.adversarial is not None:
        task = AdversarialTask(model, training, experiment.adversarial)
    return task, steps, ValidationBatches(valid)


def _from_pairs(experiment: AcousticExperiment) -> tuple[Task, Dataset[Batch], Dataset[Batch]]:
    """Task, training and validation batches of a training on reflow pairs."""
    config, training = experiment.data, experiment.training
    assert config.pairs is not None
    pairs = PairStore(config.pairs, "acoustic", experiment.mel)
    torch.manual_seed(training.seed)
    model = AcousticModel(experiment.acoustic, experiment.mel, len(SYMBOLS))
    check_student(model, pairs, training)
    assert training.warm_start is not None
    load_weights(training.warm_start, model, without=training.warm_start_without)
    speakers = experiment.acoustic.speakers
    steps, valid = pair_batches(pairs, speakers, config.batch_seconds, training.seed)
    return PairTask(model, training), steps, valid
