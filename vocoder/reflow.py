"""Pairs of noise and waveform from a trained flow vocoder, to train another on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.audio.mel import MelExtractor
from core.config import Config
from core.data.pairs import Pair, PairFacts, PairItem, item_seed
from core.data.store import UtteranceStore
from core.errors import InputError
from vocoder.interface import Sampling, VocoderModel
from vocoder.pairs import require_flow


def prior_name(config: Config) -> str:
    """What a vocoder's configuration says of its prior."""
    settings = {k: v for k, v in config.model_dump().items() if k.startswith("prior")}
    return ", ".join(f"{key} {value}" for key, value in settings.items()) or "its own"


class VocoderTeacher:
    """A trained flow vocoder that makes pairs of noise x_0 and waveform x_1 for recorded mels.

    The waveform is never rescaled, clipped or rounded: it is the end of the ODE that begins with
    the noise beside it.

    Args:
        model: The teacher.
        store: The corpus.
        facts: How to sample.

    Raises:
        InputError: The corpus has another sample rate, or the model is no flow.
    """

    def __init__(self, model: VocoderModel, store: UtteranceStore, facts: PairFacts) -> None:
        if store.sample_rate_hz != model.spec.sample_rate_hz:
            raise InputError(
                f"the features are at {store.sample_rate_hz} Hz, "
                f"the mel contract at {model.spec.sample_rate_hz} Hz"
            )
        self.model, self.store, self.facts = require_flow(model.eval()), store, facts
        self.extract = MelExtractor(model.spec)
        self.sampling = Sampling(
            steps=facts.steps,
            method=facts.method,
            grid=facts.grid,
            consistency_rounds=facts.consistency_rounds,
            final_rounds=facts.final_rounds,
            momentum=facts.momentum,
        )

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @torch.inference_mode()
    def make(self, numbers: Sequence[int]) -> list[Pair]:
        """Make pairs.

        Args:
            numbers: Of the pairs; those of utterance i are i * draws to (i + 1) * draws - 1.
        """
        utterances = [number // self.facts.draws for number in numbers]
        mels = [self.extract(self.store.waveform(index)[None])[0] for index in utterances]
        log_mel, mask = self._batch(mels)
        seeds = [item_seed(self.facts.seed, number) for number in numbers]
        x_0 = self.facts.temperature * self.model.noise(log_mel, seeds, mask)
        made = self.model.carry(x_0, log_mel, self.sampling, mask)
        pairs = []
        for i, (number, index) in enumerate(zip(numbers, utterances, strict=True)):
            utterance, frames = self.store.utterances[index], mels[i].shape[1]
            samples = frames * self.model.spec.hop_samples
            item = PairItem(
                number=number,
                id=utterance.id,
                frames=frames,
                seed=seeds[i],
                evaluations=made.nfe,
                speaker=utterance.speaker,
            )
            x_1 = made.waveform[i, :samples]
            pairs.append((item, {"x_0": x_0[i, :samples], "x_1": x_1, "mel": mels[i]}))
        return pairs

    @torch.inference_mode()
    def again(self, pairs: Sequence[Pair]) -> list[Tensor]:
        """Carry the noise of finished pairs to sound once more, each (L,)."""
        log_mel, mask = self._batch([values["mel"] for _, values in pairs])
        x_0 = pad_sequence([values["x_0"] for _, values in pairs], batch_first=True)
        made = self.model.carry(x_0.to(self.device), log_mel, self.sampling, mask).waveform
        return [made[i, : values["x_0"].shape[0]].cpu() for i, (_, values) in enumerate(pairs)]

    def _batch(self, mels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        floor = math.log(self.model.spec.log_floor)
        padded = pad_sequence([m.T for m in mels], batch_first=True, padding_value=floor)
        frames = torch.tensor([m.shape[1] for m in mels])
        mask = (torch.arange(padded.shape[1]) < frames[:, None])[:, None]
        return padded.transpose(1, 2).to(self.device), mask.to(self.device)
