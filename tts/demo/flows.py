"""Both halves of a voice as flows from noise at t = 0, and the walk along them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import InputError
from core.flow import Field, bends, make_grid, solve
from text import Utterance
from tts.options import Options
from tts.synthesizer import Synthesizer
from vocoder.interface import FlowVocoder

BEND_STEPS = 10


@dataclass(frozen=True)
class Flow:
    """A velocity and where it starts.

    Attributes:
        field: u(t, x).
        x_0: Noise (1, ...).
        log_mel: From a state to its log mel (M, T).
        sound: From a state to its waveform (L,).
    """

    field: Field
    x_0: Tensor
    log_mel: Callable[[Tensor], Tensor]
    sound: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Node:
    """A state on the way.

    Attributes:
        t: Its time, 0 for noise and 1 for speech.
        here: Log mel of the state, (M, T).
        ahead: Log mel of where the velocity points, x + (1 - t) u.
        waveform: The state as it sounds, (L,) on the CPU.
        state: The state (1, ...).
    """

    t: float
    here: Tensor
    ahead: Tensor
    waveform: Tensor
    state: Tensor


@torch.inference_mode()
def mel_flow(synthesizer: Synthesizer, utterance: Utterance, seed: int) -> Flow:
    """The mel decoder's flow for a sentence, from the noise that `synthesize` starts from.

    Args:
        synthesizer: The voice.
        utterance: The sentence.
        seed: Of the noise.
    """
    model, device = synthesizer.acoustic, synthesizer.device
    ids = torch.tensor([utterance.ids], device=device)
    tokens, lengths = model.with_blanks(ids, torch.tensor([ids.shape[1]], device=device))
    speaker = synthesizer.speaker(Options(speaker=next(iter(synthesizer.speakers), None)))
    encoded = model.encode(tokens, lengths, None if speaker is None else speaker[None].to(device))
    log_frames = model.durations(encoded.hidden, encoded.mask[:, :, None])
    speed = torch.ones((), dtype=torch.float64)
    durations = model.durations.frames(log_frames, encoded.mask, speed)
    sampling = model.config.sampling
    field, mean, mask = model.guided_field(encoded, durations, sampling.guidance)
    x_0 = model.prior_mean(mean) + sampling.temperature * model.white_noise(mask, [seed])

    def log_mel(x: Tensor) -> Tensor:
        level = x * model.mel_deviation + model.mel_mean
        return level.clamp_min(math.log(model.spec.log_floor))[0]

    def sound(x: Tensor) -> Tensor:
        return synthesizer.vocoder.vocode(log_mel(x), seed=seed).waveform

    return Flow(field, x_0, log_mel, sound)


@torch.inference_mode()
def wave_flow(synthesizer: Synthesizer, log_mel: Tensor, seed: int) -> Flow:
    """The vocoder's flow for a mel, without its rounds of mel consistency.

    Args:
        synthesizer: The voice.
        log_mel: (M, T).
        seed: Of the noise.

    Raises:
        InputError: The vocoder is no flow.
    """
    vocoder = synthesizer.vocoder
    if not isinstance(vocoder.model, FlowVocoder):
        name = synthesizer.voice.facts.name
        raise InputError(f"the vocoder of {name} is no flow: there are no paths to show")
    mel = log_mel[None].to(vocoder.device)

    def sound(x: Tensor) -> Tensor:
        return x[0].clamp(-1.0, 1.0).cpu()

    return Flow(
        vocoder.model.field(mel),
        vocoder.model.noise(mel, [seed]),
        lambda x: vocoder.mel(x[0])[:, : log_mel.shape[1]],
        sound,
    )


@torch.inference_mode()
def walk(flow: Flow, steps: int, method: str, grid: str) -> list[Node]:
    """States at all nodes of a grid, and where each heads.

    Args:
        flow: From `mel_flow` or `wave_flow`.
        steps: Steps of the solver.
        method: Solver; one without noise of its own.
        grid: Time grid.

    Raises:
        InputError: See `core.flow.solve` and `make_grid`.
    """
    times = make_grid(grid, steps)
    states = solve(flow.field, flow.x_0, times, method, trajectory=True).trajectory
    assert states is not None
    nodes = []
    for t, state in zip(times.tolist(), states, strict=True):
        velocity = flow.field(torch.tensor(t, dtype=state.dtype, device=state.device), state)
        ahead = flow.log_mel(state + (1 - t) * velocity)
        nodes.append(Node(t, flow.log_mel(state), ahead, flow.sound(state), state))
    return nodes


@torch.inference_mode()
def bend_profile(flow: Flow, steps: int = BEND_STEPS) -> tuple[list[float], list[float]]:
    """How far the velocity is from the whole displacement, squared, in shares of it.

    Args:
        flow: From `mel_flow` or `wave_flow`.
        steps: Equal steps of the midpoint method.

    Returns:
        Times (i + 1/2) / steps and values there; their mean is the straightness of Liu et al.
        (2023), which is 0 for straight paths.
    """
    squares, whole = bends(flow.field, flow.x_0, steps)
    times = [(index + 0.5) / steps for index in range(steps)]
    return times, (squares[0] / whole[0]).tolist()
