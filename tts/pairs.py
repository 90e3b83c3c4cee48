"""Training an acoustic model's decoder on the pairs that a trained one made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from core.data.batching import BatchPlan, BatchSequence
from core.data.pair_store import PairStore
from core.data.pairs import Pair, file_hash
from core.errors import InputError, unknown_name
from core.training import Task, TrainingConfig
from text.symbols import symbol_table_hash
from tts.config import AcousticConfig
from tts.losses import pair_losses
from tts.model import AcousticModel

# All else belongs to the text's side, which pairs have nothing to teach.
DECODER_SIDE = ("decoder", "features_out", "hidden_condition")
VALIDATION_PAIRS = 48
VALIDATION_BATCH = 8

Batch = dict[str, Tensor]

_log = logging.getLogger(__name__)


class PairBatches(Dataset[Batch]):
    """Batch n: whole pairs with their ids and durations.

    Args:
        pairs: The pairs.
        speakers: Names in the model's order; empty for one voice.
        plan: Decides which pairs, by their places in `numbers`; None takes them in order, a few at
            a time.
        numbers: The pairs to use.

    Raises:
        InputError: A pair's speaker is none of the model's.
    """

    def __init__(
        self,
        pairs: PairStore,
        speakers: Sequence[str],
        numbers: Sequence[int],
        plan: BatchPlan | None = None,
    ) -> None:
        self.pairs, self.numbers = pairs, list(numbers)
        self.speakers = {name: i for i, name in enumerate(speakers)}
        for number in self.numbers:
            name = pairs.items[number].speaker
            if len(speakers) > 1 and name not in self.speakers:
                raise unknown_name("speaker", name, speakers, str(pairs.directory))
        self.sequence = None if plan is None else BatchSequence(plan)

    def __len__(self) -> int:
        """Batches of the pairs taken in order."""
        return -(-len(self.numbers) // VALIDATION_BATCH)

    def __getitem__(self, step: int) -> Batch:
        """The batch of a step."""
        if self.sequence is not None:
            return self.batch([self.numbers[place] for (place,) in self.sequence[step]])
        if step >= len(self):
            raise IndexError(step)
        return self.batch(self.numbers[step * VALIDATION_BATCH :][:VALIDATION_BATCH])

    def batch(self, numbers: Sequence[int]) -> Batch:
        """Pad pairs into a batch."""
        items = [self.pairs.items[number] for number in numbers]
        values = [self.pairs.tensors(number) for number in numbers]

        def padded(name: str) -> Tensor:
            rows = pad_sequence([value[name].T for value in values], batch_first=True)
            return rows.transpose(1, 2)

        return {
            "ids": pad_sequence([torch.tensor(item.ids) for item in items], batch_first=True),
            "id_lengths": torch.tensor([len(item.ids) for item in items]),
            "durations": pad_sequence([v["durations"] for v in values], batch_first=True),
            "x_0": padded("x_0"),
            "mel": padded("x_1"),
            "speaker": speakers_of(list(zip(items, values, strict=True)), self.speakers),
        }


class PairTask(Task):
    """An acoustic model's decoder in training on pairs; the text's side is frozen.

    Args:
        model: The student, with the text's side of a trained model.
        config: How it is trained.
    """

    model: AcousticModel

    def __init__(self, model: AcousticModel, config: TrainingConfig) -> None:
        super().__init__(model, config)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.split(".")[0] in DECODER_SIDE)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The flow loss."""
        for name, part in self.model.named_children():
            if name not in DECODER_SIDE:
                # The pairs were made without dropout.
                part.eval()
        return pair_losses(
            self.model,
            batch["ids"],
            batch["id_lengths"],
            batch["durations"],
            batch["x_0"],
            batch["mel"],
            batch["speaker"] if self.model.speakers is not None else None,
        )


def pair_batches(
    pairs: PairStore, speakers: Sequence[str], batch_seconds: float, seed: int
) -> tuple[PairBatches, PairBatches]:
    """Training batches, and held-out pairs for validation.

    Args:
        pairs: The pairs.
        speakers: Names in the model's order.
        batch_seconds: Largest padded size of a batch.
        seed: Decides every batch.
    """
    numbers, held_out = pairs.split()
    spec = pairs.facts.mel
    plan = BatchPlan(
        lengths=[pairs.items[number].frames for number in numbers],
        max_length=int(batch_seconds * spec.sample_rate_hz / spec.hop_samples),
        seed=seed,
    )
    valid = PairBatches(pairs, speakers, held_out[:VALIDATION_PAIRS])
    return PairBatches(pairs, speakers, numbers, plan), valid


def speakers_of(pairs: Sequence[Pair], numbers: Mapping[str, int]) -> Tensor:
    """The vectors (B, V) that pairs were made with, or the numbers (B,) of their speakers.

    Args:
        pairs: Of one directory.
        numbers: Of the speakers, by name.
    """
    if "speaker" in pairs[0][1]:
        return torch.stack([values["speaker"] for _, values in pairs])
    return torch.tensor([numbers.get(item.speaker, 0) for item, _ in pairs])


def prior_name(config: AcousticConfig) -> str:
    """What an acoustic model's configuration says of its prior."""
    return "normal around the mean mel" if config.prior_on_mean else "standard normal"


def check_student(model: AcousticModel, pairs: PairStore, training: TrainingConfig) -> None:
    """See that an acoustic model can learn from pairs.

    Args:
        model: The student.
        pairs: The pairs.
        training: How it is trained.

    Raises:
        InputError: Its text side would begin afresh, or it has other symbols or blanks than the
            pairs' teacher.
    """
    if training.warm_start is None:
        raise InputError(
            "pairs teach the decoder alone: name weights for the rest in training.warm_start"
        )
    fresh = [part for part in training.warm_start_without if part not in DECODER_SIDE]
    if fresh:
        raise InputError(
            f"warm_start_without names {fresh[0]!r}, which pairs cannot teach; allowed with "
            f"pairs: {', '.join(DECODER_SIDE)}"
        )
    if pairs.facts.symbols != symbol_table_hash():
        raise InputError("the pairs were made with another symbol table: make them again")
    item, values = pairs.items[0], pairs.tensors(0)
    if ("speaker" in values) != (model.config.speaker_embedding == "vector"):
        raise InputError(
            f"speaker_embedding is {model.config.speaker_embedding} and that of the pairs' teacher "
            "is not"
        )
    tokens = 2 * len(item.ids) + 1 if model.config.blanks else len(item.ids)
    if len(values["durations"]) != tokens:
        raise InputError(
            f"acoustic.blanks is {str(model.config.blanks).lower()} and the pairs were made "
            "with the opposite"
        )
    if prior_name(model.config) != pairs.facts.prior:
        raise InputError(
            f"the prior is {prior_name(model.config)} and the pairs' {pairs.facts.prior}: "
            "set acoustic.prior_on_mean as in their teacher"
        )
    temperature = model.config.sampling.temperature
    if pairs.facts.temperature != temperature:
        _log.warning(
            "the pairs were made at temperature %g; the model will speak at %g unless told",
            pairs.facts.temperature,
            temperature,
        )
    if file_hash(Path(training.warm_start)) != pairs.facts.teacher:
        _log.warning("%s is not the teacher of the pairs; that is allowed", training.warm_start)
