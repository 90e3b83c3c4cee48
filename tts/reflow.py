"""Pairs of noise and mel from a trained acoustic model, to train another on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.data.pairs import Pair, PairFacts, PairItem, item_seed
from core.flow import make_grid, solve
from tts.losses import align
from tts.model import AcousticModel
from tts.training import Sentences

PRIOR = "standard normal"


class AcousticTeacher:
    """A trained acoustic model that makes pairs of noise x_0 and log mel x_1.

    Durations are those that alignment search finds on the recording, as in training, so that a
    pair speaks with the recording's rhythm. The mel is not clamped and not rounded: it is the end
    of the ODE.

    Args:
        model: The teacher.
        sentences: The corpus.
        facts: How to sample.
    """

    def __init__(self, model: AcousticModel, sentences: Sentences, facts: PairFacts) -> None:
        self.model, self.sentences, self.facts = model.eval(), sentences, facts
        self.grid = make_grid(facts.grid, facts.steps)

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
        batch = self.sentences.batch([(index,) for index in utterances])
        batch = {name: value.to(self.device) for name, value in batch.items()}
        tokens, lengths = self.model.with_blanks(batch["ids"], batch["id_lengths"])
        encoded = self.model.encode(tokens, lengths, self._speaker(batch["speaker"]))
        mel = self.model.standardise(batch["mel"])
        durations = align(encoded, mel, lengths, batch["frames"])
        field, _, mask = self.model.field(encoded, durations)
        seeds = [item_seed(self.facts.seed, number) for number in numbers]
        x_0 = self.facts.temperature * self.model.white_noise(mask, seeds)
        solution = solve(field, x_0, self.grid, self.facts.method, mask=mask)
        x_1 = self._log_mel(solution.x)
        pairs = []
        for i, (number, index) in enumerate(zip(numbers, utterances, strict=True)):
            utterance = self.sentences.store.utterances[index]
            frames, count = int(batch["frames"][i]), int(lengths[i])
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
                "durations": durations[i, :count],
            }
            pairs.append((item, tensors))
        return pairs

    @torch.inference_mode()
    def again(self, pairs: Sequence[Pair]) -> list[Tensor]:
        """Carry the noise of finished pairs to mels once more, each (M, T)."""
        ids = [torch.tensor(item.ids) for item, _ in pairs]
        numbers = [self.sentences.numbers.get(item.speaker, 0) for item, _ in pairs]
        durations = pad_sequence([values["durations"] for _, values in pairs], batch_first=True)
        x_0 = pad_sequence([values["x_0"].T for _, values in pairs], batch_first=True)
        tokens, lengths = self.model.with_blanks(
            pad_sequence(ids, batch_first=True), torch.tensor([len(i) for i in ids])
        )
        speaker = self._speaker(torch.tensor(numbers).to(self.device))
        encoded = self.model.encode(tokens.to(self.device), lengths.to(self.device), speaker)
        field, _, mask = self.model.field(encoded, durations.to(self.device))
        noise = x_0.transpose(1, 2).to(self.device)
        x_1 = self._log_mel(solve(field, noise, self.grid, self.facts.method, mask=mask).x)
        return [x_1[i, :, : item.frames].cpu() for i, (item, _) in enumerate(pairs)]

    def _speaker(self, numbers: Tensor) -> Tensor | None:
        return numbers if self.model.speakers is not None else None

    def _log_mel(self, mel: Tensor) -> Tensor:
        return mel * self.model.mel_deviation + self.model.mel_mean
