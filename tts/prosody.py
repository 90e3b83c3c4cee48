"""Rhythm at the user's wish: rates of words and lengths of pauses, as durations of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.audio.mel import MelSpec
from core.errors import InputError
from text import Utterance
from text.tokens import MARKS
from tts.options import Options


@dataclass(frozen=True)
class Hold:
    """Ids that last a given time together.

    Attributes:
        start: Position of the first.
        end: Position after the last; both are 0 for what stands before the first id.
        frames: What they last together.
    """

    start: int
    end: int
    frames: int


def id_speeds(batch: Sequence[Utterance], options: Sequence[Options]) -> Tensor:
    """How fast each id is said, (B, N) float64: the speed, the text's own rates and the pauses."""
    rows = [_speeds(utterance, choice) for utterance, choice in zip(batch, options, strict=True)]
    return pad_sequence(rows, batch_first=True, padding_value=1.0)


def _speeds(utterance: Utterance, options: Options) -> Tensor:
    rates = utterance.rates or [1.0] * len(utterance.ids)
    factors = dict(options.pause_factors)
    longer = [factors.get(symbol, 1.0) for symbol in utterance.phonemes]
    for place, symbol in enumerate(utterance.phonemes[1:], 1):
        # The silence after a comma lies in the space after it as well.
        if symbol == " " and utterance.phonemes[place - 1] in MARKS:
            longer[place] = longer[place - 1]
    wanted = torch.tensor(rates, dtype=torch.float64) / torch.tensor(longer, dtype=torch.float64)
    return options.speed * wanted


def holds(
    batch: Sequence[Utterance], options: Sequence[Options], spec: MelSpec
) -> list[list[Hold]]:
    """The pauses of utterances in frames; given durations go before those inside an utterance."""
    rate = spec.sample_rate_hz / spec.hop_samples
    return [
        [
            Hold(pause.start, pause.end, max(1, round(pause.seconds * rate)))
            for pause in utterance.pauses
            if choice.durations is None or pause.end == 0
        ]
        for utterance, choice in zip(batch, options, strict=True)
    ]


def hold(
    durations: Tensor, pauses: Sequence[Sequence[Hold]], *, blanks: bool
) -> tuple[Tensor, Tensor]:
    """Give pauses their lengths.

    What the tokens of a pause last is made shorter evenly, never less than a frame each; what they
    lack goes to the blank after the mark, which is silent, or without blanks to the mark.

    Args:
        durations: Frames of each token, (B, N), or (B, 2N+1) with blanks.
        pauses: Of each item.
        blanks: Whether blanks stand between the ids.

    Returns:
        The durations, and the frames before the first id of each item that no id had, (B,).

    Raises:
        InputError: A pause is before the first id and there are no blanks.
    """
    durations = durations.clone()
    before = durations.new_zeros(len(durations))
    for row, own in enumerate(pauses):
        for pause in own:
            if pause.end == 0:
                if not blanks:
                    raise InputError("this voice has no blanks: a pause must follow a word")
                before[row] += pause.frames
                durations[row, 0] += pause.frames
                continue
            first, last = (2 * pause.start + 1, 2 * pause.end + 1) if blanks else (
                pause.start, pause.end,
            )  # fmt: skip
            part = durations[row, first:last]
            if int(part.sum()) > pause.frames:
                part = (part * pause.frames // part.sum()).clamp_min(1)
            silent = 1 if blanks else 0
            part[silent] += max(0, pause.frames - int(part.sum()))
            durations[row, first:last] = part
    return durations, before


def token_speeds(speed: float | Tensor, ids: Tensor, *, blanks: bool) -> Tensor:
    """How fast each token is said, float64, as it broadcasts to (B, N), or (B, 2N+1) with blanks.

    Args:
        speed: A number, (B, 1), or one for each id (B, N); a blank is as fast as its id.
        ids: (B, N).
        blanks: Whether blanks stand between the ids.
    """
    speeds = torch.as_tensor(speed, dtype=torch.float64, device="cpu")
    if blanks and speeds.shape == ids.shape:
        return torch.cat([speeds[:, :1], speeds.repeat_interleave(2, dim=1)], dim=1)
    return speeds
