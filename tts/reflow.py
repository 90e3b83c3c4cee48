"""Pairs of noise and mel from a trained acoustic model, to train another on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.data.pairs import Pair, PairFacts, PairItem, item_seed
from core.flow import Field, check_schedule_steps, make_grid, solve
from tts.losses import align_batch
from tts.model import AcousticModel
from tts.pairs import speakers_of
from tts.sentences import Sentences


@dataclass(frozen=True)
class Aligned:
    """A batch of recordings with the durations that alignment search finds on them.

    Attributes:
        field: Velocity of their mels, u(t, x) with x (B, M, T) in the model's units.
        prior_mean: Mean of the noise that the velocity begins with, (B, M, T).
        mask: Real frames (B, 1, T).
        durations: Frames of each token, blanks included, (B, N').
        tokens: Real tokens of each item (B,).
        frames: Real frames of each item (B,).
        speaker: Numbers (B,) or vectors (B, V), as the model knows its speakers.
    """

    field: Field
    prior_mean: Tensor
    mask: Tensor
    durations: Tensor
    tokens: Tensor
    frames: Tensor
    speaker: Tensor


def align_recordings(model: AcousticModel, sentences: Sentences, indices: Sequence[int]) -> Aligned:
    """Align recordings with their texts, as training does.

    Args:
        model: Where it is, the batch goes.
        sentences: The corpus.
        indices: Of its utterances.
    """
    batch = sentences.batch([(index,) for index in indices])
    batch = {name: value.to(model.mel_mean.device) for name, value in batch.items()}
    encoded, _, durations = align_batch(model, batch)
    field, mean, mask = model.field(encoded, durations)
    return Aligned(
        field=field,
        prior_mean=model.prior_mean(mean),
        mask=mask,
        durations=durations,
        tokens=encoded.mask.sum(dim=1),
        frames=batch["frames"],
        speaker=batch["speaker"],
    )


class AcousticTeacher:
    """A trained acoustic model that makes pairs of noise x_0 and log mel x_1.

    Durations are those that alignment search finds on the recording, as in training, so that a
    pair speaks with the recording's rhythm. The mel is not clamped and not rounded: it is the end
    of the ODE.

    Args:
        model: The teacher.
        sentences: The corpus.
        facts: How to sample.

    Raises:
        InputError: The model can only be sampled otherwise.
    """

    def __init__(self, model: AcousticModel, sentences: Sentences, facts: PairFacts) -> None:
        self.model, self.sentences, self.facts = model.eval(), sentences, facts
        self.grid = make_grid(facts.grid, facts.steps)
        check_schedule_steps(model.config.time_schedule, self.grid, facts.method)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.mel_mean.device

    @torch.inference_mode()
    def make(self, numbers: Sequence[int]) -> list[Pair]:
        """Make pairs.

        Args:
            numbers: Of the pairs; those of utterance i are i * draws to (i + 1) * draws - 1.
        """
        utterances = [number // self.facts.draws for number in numbers]
        found = align_recordings(self.model, self.sentences, utterances)
        seeds = [item_seed(self.facts.seed, number) for number in numbers]
        noise = self.facts.temperature * self.model.white_noise(found.mask, seeds)
        x_0 = found.prior_mean + noise
        solution = solve(found.field, x_0, self.grid, self.facts.method, mask=found.mask)
        x_1 = self._log_mel(solution.x)
        pairs = []
        for i, (number, index) in enumerate(zip(numbers, utterances, strict=True)):
            utterance = self.sentences.store.utterances[index]
            frames, count = int(found.frames[i]), int(found.tokens[i])
            item = PairItem(
                number=number,
                id=utterance.id,
                frames=frames,
                seed=seeds[i],
                evaluations=solution.nfe,
                ids=tuple(utterance.ids),
                speaker=utterance.speaker,
            )
            tensors = {
                "x_0": x_0[i, :, :frames],
                "x_1": x_1[i, :, :frames],
                "durations": found.durations[i, :count],
            }
            if found.speaker.ndim == 2:
                tensors["speaker"] = found.speaker[i]
            pairs.append((item, tensors))
        return pairs

    @torch.inference_mode()
    def again(self, pairs: Sequence[Pair]) -> list[Tensor]:
        """Carry the noise of finished pairs to mels once more, each (M, T)."""
        ids = [torch.tensor(item.ids) for item, _ in pairs]
        speakers = speakers_of(pairs, self.sentences.numbers)
        durations = pad_sequence([values["durations"] for _, values in pairs], batch_first=True)
        x_0 = pad_sequence([values["x_0"].T for _, values in pairs], batch_first=True)
        tokens, lengths = self.model.with_blanks(
            pad_sequence(ids, batch_first=True), torch.tensor([len(i) for i in ids])
        )
        speaker = speakers.to(self.device) if self.model.speakers is not None else None
        encoded = self.model.encode(tokens.to(self.device), lengths.to(self.device), speaker)
        field, _, mask = self.model.field(encoded, durations.to(self.device))
        noise = x_0.transpose(1, 2).to(self.device)
        x_1 = self._log_mel(solve(field, noise, self.grid, self.facts.method, mask=mask).x)
        return [x_1[i, :, : item.frames].cpu() for i, (item, _) in enumerate(pairs)]

    def _log_mel(self, mel: Tensor) -> Tensor:
        return mel * self.model.mel_deviation + self.model.mel_mean
