"""What one differentiable likelihood costs beside one flow-matching step on the same batch.

python benchmarks/likelihood_cost.py

Writes the table of docs/likelihood.md to standard output; two minutes on one thread. The batch is
short sentences that the voice itself says, with their durations given. Needs `fork`, for memory.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.rnn import pad_sequence

sys.path.insert(0, str(Path(__file__).parents[1]))

from core.flow import gaussian_log_prob, make_grid, rademacher_probes, solve
from tts.cli.teachers import load_acoustic
from tts.losses import pair_losses
from tts.model import AcousticModel

TEXTS = ("Go home.", "Please sit.")
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Batch:
    """Sentences with their mels: ids (B, N), lengths (B,), durations (B, N'), mel (B, M, T)."""

    ids: Tensor
    lengths: Tensor
    durations: Tensor
    log_mel: Tensor


def make_batch(model: AcousticModel, ids: Sequence[Sequence[int]]) -> Batch:
    """Have the model say phonemes, at temperature 1."""
    padded = pad_sequence([torch.tensor(i) for i in ids], batch_first=True)
    lengths = torch.tensor([len(i) for i in ids])
    with torch.no_grad():
        tokens, token_lengths = model.with_blanks(padded, lengths)
        encoded = model.encode(tokens, token_lengths)
        log_frames = model.durations(encoded.hidden, encoded.mask[:, :, None])
        one = torch.ones((), dtype=torch.float64)
        durations = model.durations.frames(log_frames, encoded.mask, one)
    mels = model.synthesise(
        padded, lengths, range(len(ids)), durations=durations, temperature=1.0, steps=16
    )
    return Batch(padded, lengths, durations, mels.log_mel.clone())


def flow_matching(model: AcousticModel, batch: Batch, seed: int) -> Tensor:
    """The loss of a training step, its noise and times drawn by a seed."""
    torch.manual_seed(seed)
    x_0 = torch.randn_like(batch.log_mel)
    return pair_losses(model, batch.ids, batch.lengths, batch.durations, x_0, batch.log_mel)["loss"]


def likelihood(model: AcousticModel, batch: Batch, seed: int, steps: int, method: str) -> Tensor:
    """Minus the log-likelihood in nats per dimension, differentiable.

    One Rademacher probe an item. The divergence is differentiated once more on the way to the
    weights, so the whole solve is kept.
    """
    tokens, lengths = model.with_blanks(batch.ids, batch.lengths)
    field, mean, mask = model.field(model.encode(tokens, lengths), batch.durations)
    mel = model.standardise(batch.log_mel)
    real = mask.expand_as(mel)
    seeds = [2 * seed + item for item in range(len(mel))]
    (probe,) = rademacher_probes(real, 1, seeds)

    def augmented(t: Tensor, state: Tensor) -> Tensor:
        x = state[:, :-1].reshape(mel.shape)
        velocity = torch.where(real, field(t, x), 0)
        (pulled,) = torch.autograd.grad(velocity, x, probe, create_graph=True)
        rate = (pulled * probe).flatten(1).sum(1, keepdim=True)
        return torch.cat([velocity.flatten(1), rate], dim=1)

    start = torch.cat([torch.where(real, mel, 0).flatten(1), torch.zeros(len(mel), 1)], dim=1)
    back = make_grid("uniform", steps).flip(0)
    # The fused attention kernels have no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        solution = solve(augmented, start.requires_grad_(), back, method)
    x_0 = solution.x[:, :-1].reshape(mel.shape) - model.prior_mean(mean)
    nats = gaussian_log_prob(x_0, real) + solution.x[:, -1]
    return model.mel_deviation.log() - (nats / real.flatten(1).sum(1)).mean()


def gradient(model: AcousticModel, loss: Callable[[int], Tensor], seed: int) -> Tensor:
    """A loss's gradient in all weights, flat; zero where it does not depend on them."""
    value = loss(seed)
    # The double derivative passes through the attention of the solve once more.
    with sdpa_kernel(SDPBackend.MATH):
        parts = torch.autograd.grad(
            value, list(model.parameters()), allow_unused=True, materialize_grads=True
        )
    return torch.cat([part.flatten() for part in parts])


def relative_variance(gradients: Callable[[int], Tensor], draws: int) -> tuple[float, float]:
    """E|g - E g|^2 / |E g|^2 over draws, estimated without bias; median CPU seconds of one."""
    total: Tensor | None = None
    squares, times = 0.0, []
    for seed in range(draws):
        began = time.process_time()
        drawn = gradients(seed).double()
        times.append(time.process_time() - began)
        squares += float(drawn.square().sum())
        total = drawn if total is None else total + drawn
    assert total is not None
    variance = (squares - float(total.square().sum()) / draws) / (draws - 1)
    mean = float((total / draws).square().sum()) - variance / draws
    return (variance / mean if mean > 0 else float("inf")), statistics.median(times)


def peak_bytes(work: Callable[[], object]) -> int:
    """Memory that a piece of work takes at most, in a process of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def run() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        work()
        theirs.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

    process: Any = context.Process(target=run)
    process.start()
    kibibytes: int = ours.recv()
    process.join()
    return 1024 * kibibytes


def row(name: str, values: Sequence[float], unit: Sequence[float]) -> str:
    """A line of the table: each figure, and how many times the first row's it is."""
    evaluations, seconds, peak, variance = values
    times = [value / one for value, one in zip(values, unit, strict=True)]
    cells = [
        f"{evaluations:g}",
        f"{seconds:.2f} s ({times[1]:.1f} x)",
        f"{peak / MEBIBYTE:.0f} MiB ({times[2]:.1f} x)",
        f"{variance:.2g} ({times[3]:.2g} x)",
        f"{times[1] * times[3]:.2g} x",
    ]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", default=None)
    parser.add_argument("--draws", type=int, default=12, help="of the flow-matching step")
    parser.add_argument("--likelihood-draws", type=int, default=4)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    from text import TextFrontend

    model = load_acoustic(arguments.voice, None).model
    ids = [utterance.ids for utterance in TextFrontend("en-us").process_batch(TEXTS)]
    batch = make_batch(model, ids)
    frames = batch.durations.sum(1).tolist()
    losses: dict[str, tuple[int, int, Callable[[int], Tensor]]] = {
        "flow-matching step": (1, arguments.draws, partial(flow_matching, model, batch))
    }
    for method, steps, nfe in (("euler", 4, 4), ("euler", 8, 8), ("rk4", 4, 16)):
        losses[f"likelihood, {method}, {steps} steps"] = (
            nfe,
            arguments.likelihood_draws,
            partial(likelihood, model, batch, steps=steps, method=method),
        )
    works = {name: partial(gradient, model, loss) for name, (_, _, loss) in losses.items()}
    # Before anything else has been done, so that no freed memory hides what is taken.
    peaks = {name: peak_bytes(partial(work, 0)) for name, work in works.items()}
    print_table(losses, works, peaks, frames)


def print_table(losses: Any, works: Any, peaks: dict[str, int], frames: Sequence[int]) -> None:
    """Measure times and variances, and write every row as soon as it is known."""
    out = sys.stdout
    out.write(f"{len(frames)} sentences of {frames} frames, one thread\n\n")
    out.write("| | evaluations | CPU time | peak memory | relative variance | variance x time |\n")
    out.write("|---|---|---|---|---|---|\n")
    unit: list[float] = []
    for name, (nfe, draws, _) in losses.items():
        works[name](0)
        variance, seconds = relative_variance(works[name], draws)
        values = [float(nfe), seconds, float(peaks[name]), variance]
        unit = unit or values
        out.write(row(name, values, unit) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
