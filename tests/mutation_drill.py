# ruff: noqa: T201 (its output is its purpose)
"""Falsify one line at a time and see that the tests notice.

    python tests/mutation_drill.py           all mutants, about a minute
    python tests/mutation_drill.py flow      those whose file or claim contains "flow"
    python tests/mutation_drill.py --list    the table alone

Each mutant is applied to a copy of the packages in a temporary directory, where the tests that must
kill it are run. Exit code 1 when one survives, when its line no longer stands in its file exactly
once, or when the tests fail without any mutant. To add one, add a row to MUTANTS.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("core", "text", "tts", "vocoder", "tests", "pyproject.toml")
LEFT_OUT = ("__pycache__", ".*_cache", ".hypothesis", "*.safetensors", "*.ckpt", "*.wav", "*.flac")
TIMEOUT_SECONDS = 300


class Mutant(NamedTuple):
    """One falsified line."""

    claim: str
    """What is made wrong."""
    file: str
    """File relative to the root."""
    original: str
    """Fragment that stands in it exactly once."""
    mutated: str
    """What it is replaced by."""
    tests: str
    """The test file, or node, that must fail."""


TABLEAUS = "core/flow/tableaus.py"
PATHS = "core/flow/paths.py"
LIKELIHOOD = "core/flow/likelihood.py"
ADAPTIVE = "core/flow/adaptive.py"
SOLVERS = "core/flow/solvers.py"
TEST_SOLVERS = "tests/core/flow/test_solvers.py"
TEST_PATHS = "tests/core/flow/test_paths.py"
TEST_LIKELIHOOD = "tests/core/flow/test_likelihood.py"
TEST_ADAPTIVE = "tests/core/flow/test_adaptive.py"
MODEL = "tts/model.py"
VELOCITY = "tts/velocity.py"
TEST_VELOCITY = "tests/tts/test_velocity.py"
RECTIFIED = "vocoder/rectified/model.py"
CONSISTENCY = "vocoder/consistency.py"
TEST_ALIGNMENT = "tests/tts/test_alignment.py"
TEST_ENCODER = "tests/tts/test_encoder.py"
TEST_MODEL = "tests/tts/test_model.py"
TEST_RECTIFIED = "tests/vocoder/rectified/test_rectified.py"
TEST_CONSISTENCY = "tests/vocoder/test_consistency.py"
TEST_TRAINING = "tests/core/test_training.py"
TEST_IAF_FLOWS = "tests/vocoder/iaf/test_flows.py"
STREAMING = "vocoder/streaming.py"
DENOISING = "tts/denoising.py"
TEST_DENOISING = "tests/tts/test_denoising.py"
TEST_VOCODER_ADVERSARIAL = "tests/vocoder/test_adversarial.py"
TEST_STREAMING = "tests/vocoder/test_streaming.py::test_stream_is_what_the_whole_mel_gives"

MUTANTS = (
    Mutant("Euler's weight halved", TABLEAUS, "b=(1.0,)", "b=(0.5,)", TEST_SOLVERS),
    Mutant("midpoint's weight halved", TABLEAUS, "b=(0.0, 1.0)", "b=(0.0, 0.5)", TEST_SOLVERS),
    Mutant("Heun's weight halved", TABLEAUS, "b=(1 / 2, 1 / 2)", "b=(1 / 2, 1 / 4)", TEST_SOLVERS),
    Mutant("rk4's weight halved", TABLEAUS, "b=(1 / 6, 1 / 3,", "b=(1 / 6, 1 / 6,", TEST_SOLVERS),
    Mutant(
        "Heun turned into Euler twice",
        TABLEAUS,
        '"heun": Tableau(order=2, a=((), (1.0,))',
        '"heun": Tableau(order=2, a=((), (0.0,))',
        TEST_SOLVERS,
    ),
    Mutant("Dormand-Prince's weight halved", TABLEAUS, "(35 / 384,", "(35 / 768,", TEST_ADAPTIVE),
    Mutant(
        "embedded weight halved",
        TABLEAUS,
        "_FOURTH = (5179 / 57600,",
        "_FOURTH = (5179 / 115200,",
        TEST_ADAPTIVE,
    ),
    Mutant(
        "velocity taken for its distance from the straight path",
        "core/flow/straightness.py",
        "(after.double() - before.double()) - whole",
        "(after.double() - before.double()) - 0 * whole",
        "tests/core/flow/test_straightness.py",
    ),
    Mutant(
        "found grid taken for every solver",
        "core/flow/grids.py",
        "defaults.grids if method == defaults.method else {}",
        "defaults.grids",
        "tests/core/flow/test_grid_choice.py",
    ),
    Mutant(
        "multiply and add counted as two",
        "core/nn/cost.py",
        "int(counter.get_total_flops()) // 2",
        "int(counter.get_total_flops())",
        "tests/core/nn/test_cost.py",
    ),
    Mutant(
        "time added up step by step",
        SOLVERS,
        "torch.outer(nodes[:-1], 1 - c)",
        "torch.outer(nodes[0] + (nodes.diff().to(x).cumsum(0) - nodes.diff()).double(), 1 - c)",
        TEST_SOLVERS,
    ),
    Mutant(
        "steps measured in the dtype of x",
        SOLVERS,
        "step = end - start",
        "step = float(torch.tensor(end).to(x) - torch.tensor(start).to(x))",
        TEST_SOLVERS,
    ),
    Mutant(
        "slope of a rejected step kept",
        ADAPTIVE,
        "self.slope = torch.where(keep, slope, self.slope)",
        "self.slope = slope",
        TEST_ADAPTIVE,
    ),
    Mutant(
        "slope of the step before kept",
        ADAPTIVE,
        "return state, slopes[-1], self.norm(",
        "return state, slopes[-2], self.norm(",
        TEST_ADAPTIVE,
    ),
    Mutant(
        "one error for the whole batch",
        ADAPTIVE,
        "return (squares.cpu().double() / self.count).sqrt()",
        "return (squares.cpu().double() / self.count).sqrt().amax().expand(len(self.count))",
        TEST_ADAPTIVE,
    ),
    Mutant(
        "mask forgotten in the error norm",
        ADAPTIVE,
        "ratio = torch.where(self.weight, ratio, 0)",
        "pass",
        TEST_ADAPTIVE,
    ),
    Mutant(
        "padding counted in the error norm",
        ADAPTIVE,
        "count = self.weight.sum(1).clamp_min(1).cpu()",
        "pass",
        TEST_ADAPTIVE,
    ),
    Mutant(
        "linear path's derivative without sigma_min",
        PATHS,
        "torch.full_like(t, self.sigma_min - 1)",
        "torch.full_like(t, -1.0)",
        TEST_PATHS,
    ),
    Mutant(
        "variance-preserving derivative halved",
        PATHS,
        "return rate * self.alpha(t)",
        "return 0.5 * rate * self.alpha(t)",
        TEST_PATHS,
    ),
    Mutant(
        "cosine path's derivative of the wrong sign",
        PATHS,
        "return -math.pi / 2 * torch.sin(math.pi / 2 * t)",
        "return math.pi / 2 * torch.sin(math.pi / 2 * t)",
        TEST_PATHS,
    ),
    Mutant(
        "data estimate steps backwards",
        "core/flow/conversions.py",
        "path.sigma(t) * velocity - path.sigma_dot(t) * x",
        "-path.sigma(t) * velocity - path.sigma_dot(t) * x",
        "tests/core/flow/test_conversions.py",
    ),
    Mutant(
        "divergence's sign flipped",
        LIKELIHOOD,
        "prior_log_prob(x_0, real)[:, None] + solution.x",
        "prior_log_prob(x_0, real)[:, None] - solution.x",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "divergence dropped",
        LIKELIHOOD,
        "prior_log_prob(x_0, real)[:, None] + solution.x",
        "prior_log_prob(x_0, real)[:, None] + 0 * solution.x",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "Hutchinson's sign flipped",
        LIKELIHOOD,
        "(_gradient(velocity, x, probe) * probe)",
        "(_gradient(velocity, x, -probe) * probe)",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "normal density's constant doubled",
        LIKELIHOOD,
        "scale.log() - 0.5 * math.log(2 * math.pi)",
        "scale.log() - math.log(2 * math.pi)",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "mask forgotten in the likelihood's velocity",
        LIKELIHOOD,
        "velocity = torch.where(real, field(t, x), 0)",
        "velocity = field(t, x)",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "mask forgotten in the prior",
        LIKELIHOOD,
        "return torch.where(mask, nats, 0)",
        "return nats",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "divergence without its last element",
        LIKELIHOOD,
        "real.any(0).nonzero().tolist()",
        "real.any(0).nonzero().tolist()[:-1]",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "Gaussian probes in place of random signs",
        LIKELIHOOD,
        "= 2.0 * drawn - 1.0",
        "= torch.randn(drawn.shape, generator=item_generator(seed))",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "fresh probes at every evaluation",
        LIKELIHOOD,
        "_hutchinson_divergence(u, at, fixed)",
        "_hutchinson_divergence(u, at, fixed * torch.randn_like(fixed).sign())",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "bits per dimension in nats",
        LIKELIHOOD,
        "-per_dim / math.log(2)",
        "-per_dim",
        TEST_LIKELIHOOD,
    ),
    Mutant(
        "mel's volume with the wrong sign",
        "tts/likelihood.py",
        "- elements * volume",
        "+ elements * volume",
        "tests/tts/test_likelihood.py",
    ),
    Mutant(
        "mel's prior around zero",
        "tts/likelihood.py",
        "x_0 - centre",
        "x_0",
        "tests/tts/test_likelihood.py",
    ),
    Mutant(
        "shaped prior without its norm's volume",
        "vocoder/rectified/prior.py",
        " - np.log(norm).sum()",
        "",
        "tests/vocoder/test_likelihood.py",
    ),
    Mutant(
        "equal-angle formula turned over",
        "core/flow/grids.py",
        "(deviation * torch.cos(angle) + torch.sin(angle))",
        "(torch.cos(angle) + deviation * torch.sin(angle))",
        "tests/core/flow/test_grids.py",
    ),
    Mutant(
        "loss floor without its arc tangent",
        "core/flow/oracle.py",
        "math.atan2(self.deviation, sigma_min)",
        "math.pi / 2",
        "tests/core/flow/test_oracle.py",
    ),
    Mutant(
        "noise drawn by the global generator",
        "core/flow/noise.py",
        "torch.randn(whole, generator=item_generator(seed))",
        "torch.randn(whole)",
        "tests/core/flow/test_noise.py",
    ),
    Mutant(
        "noise redrawn when an item grows",
        "core/flow/noise.py",
        "whole = -(-max(count, 1) // _BLOCK) * _BLOCK",
        "whole = count",
        "tests/core/flow/test_noise.py",
    ),
    Mutant(
        "steps of rk45 without a ladder",
        ADAPTIVE,
        "return step.sign() * 2 ** ((_RUNGS * step.abs().log2()).floor() / _RUNGS)",
        "return step",
        TEST_MODEL,
    ),
    Mutant(
        "mask forgotten before the convolution",
        "core/nn/convnext.py",
        "x if mask is None else x * mask",
        "x",
        "tests/core/nn/test_convnext.py",
    ),
    Mutant(
        "mask forgotten in attention",
        "core/nn/attention.py",
        "None if mask is None else mask.transpose(1, 2)[:, None]",
        "None",
        "tests/core/nn/test_attention.py",
    ),
    Mutant(
        "rotation of the wrong handedness",
        "core/nn/attention.py",
        "[a * cos - b * sin, a * sin + b * cos]",
        "[a * cos + b * sin, a * sin + b * cos]",
        "tests/core/nn/test_attention.py",
    ),
    Mutant(
        "alignment that may end before the last token",
        "tts/alignment.py",
        "range(max(0, tokens - frames + j), min(tokens, j + 1))",
        "range(max(0, tokens - frames + j), min(tokens, j))",
        TEST_ALIGNMENT,
    ),
    Mutant(
        "alignment that prefers to stay",
        "tts/alignment.py",
        "best[i - 1, j - 1] >= best[i, j - 1]",
        "best[i - 1, j - 1] > 2 * best[i, j - 1]",
        TEST_ALIGNMENT,
    ),
    Mutant(
        "beta-binomial prior off by one token",
        "tts/alignment.py",
        "_log_beta(k + a, p - 1 - k + b)",
        "_log_beta(k + a, p - k + b)",
        TEST_ALIGNMENT,
    ),
    Mutant(
        "window one frame too long",
        "tts/alignment.py",
        "after = frame - windows[:, :, 1:] + 1",
        "after = frame - windows[:, :, 1:]",
        TEST_ALIGNMENT,
    ),
    Mutant(
        "density without the mean's square",
        "tts/alignment.py",
        "0.5 * mean.square().sum(1)[:, :, None]",
        "0.0 * mean.square().sum(1)[:, :, None]",
        TEST_ALIGNMENT,
    ),
    Mutant(
        "remainders of durations dropped",
        "tts/encoder.py",
        "wanted.cumsum(dim=1).round()",
        "wanted.round().cumsum(dim=1)",
        TEST_ENCODER,
    ),
    Mutant(
        "speed upside down",
        "tts/encoder.py",
        "self.scale.cpu().double() / speed.cpu()",
        "self.scale.cpu().double() * speed.cpu()",
        TEST_ENCODER,
    ),
    Mutant(
        "durations that train the encoder",
        "tts/encoder.py",
        "hidden = hidden.detach()",
        "pass",
        TEST_ENCODER,
    ),
    Mutant(
        "acoustic preconditioning with the noise's sign flipped",
        VELOCITY,
        "(t * self.variance + slope * noise) / ",
        "(t * self.variance - slope * noise) / ",
        TEST_VELOCITY,
    ),
    Mutant(
        "acoustic preconditioning without the mean",
        VELOCITY,
        "return centre + ",
        "return 0 * centre + ",
        TEST_VELOCITY,
    ),
    Mutant(
        "acoustic rest in the wrong unit",
        MODEL,
        "linear.rest(time) * rest",
        "linear.rest(time).square() * rest",
        TEST_MODEL,
    ),
    Mutant(
        "acoustic loss in the wrong unit",
        MODEL,
        "return self._gaussian(hidden).rest(t.reshape(-1, 1, 1))",
        "return self._gaussian(hidden).rest(t.reshape(-1, 1, 1)).square()",
        "tests/tts/test_losses.py",
    ),
    Mutant(
        "rest without the noise that is added",
        VELOCITY,
        "((self.variance + added) / ",
        "((self.variance + 0 * added) / ",
        TEST_VELOCITY,
    ),
    Mutant(
        "coupling that costs the most",
        "tts/coupling.py",
        "frames], maximize=True)",
        "frames], maximize=False)",
        "tests/tts/test_coupling.py",
    ),
    Mutant(
        "hidden items that keep their mean",
        MODEL,
        "centre = torch.where(unseen, 0.0, centre)",
        "pass",
        "tests/tts/test_flow_options.py",
    ),
    Mutant(
        "mask forgotten in the acoustic solve",
        MODEL,
        "centre=centre, mask=mask",
        "centre=centre",
        TEST_MODEL,
    ),
    Mutant(
        "losses averaged over padding",
        "tts/frames.py",
        "torch.where(weight, value, 0.0).sum() / weight.sum()",
        "torch.where(weight, value, 0.0).mean()",
        "tests/tts/test_losses.py",
    ),
    Mutant(
        "flow loss against the state",
        "tts/losses.py",
        "field(t, x_t) - path.velocity(x_0, mel, t)",
        "field(t, x_t) - path.sample(x_0, mel, t)",
        "tests/tts/test_losses.py",
    ),
    Mutant(
        "statistics that NaN can enter",
        "tts/frames.py",
        "torch.where(torch.isfinite(batch), batch, statistic)",
        "batch",
        "tests/tts/test_losses.py",
    ),
    Mutant(
        "vocoder preconditioning with the noise's sign flipped",
        RECTIFIED,
        "time * speech.square() - (1 - time) * noise.square()) / variance",
        "time * speech.square() + (1 - time) * noise.square()) / variance",
        TEST_RECTIFIED,
    ),
    Mutant(
        "vocoder rest in the wrong unit",
        RECTIFIED,
        "speech * noise * variance.rsqrt() * rest",
        "speech * noise * rest",
        TEST_RECTIFIED,
    ),
    Mutant(
        "vocoder error in the wrong unit",
        RECTIFIED,
        "power * variance / (speech * noise).square()",
        "power / variance",
        TEST_RECTIFIED,
    ),
    Mutant(
        "energy weights not normalised",
        RECTIFIED,
        "weight = weight / weight.mean(dim=(1, 2), keepdim=True)",
        "pass",
        TEST_RECTIFIED,
    ),
    Mutant(
        "mask forgotten in the vocoder's inverse",
        RECTIFIED,
        "return self.frames.inverse(out, mask)",
        "return self.frames.inverse(out)",
        TEST_RECTIFIED,
    ),
    Mutant(
        "mask forgotten in the vocoder's solve",
        RECTIFIED,
        "path=path, mask=real)",
        "path=path)",
        TEST_RECTIFIED,
    ),
    Mutant(
        "prior's share left out of the stochastic step",
        "core/flow/sde.py",
        "math.sqrt(1 - kept**2) * noise(step)",
        "math.sqrt(end - start) * noise(step)",
        "tests/core/flow/test_sde.py",
    ),
    Mutant(
        "stochastic drift of the wrong strength",
        "core/flow/sde.py",
        "math.exp(-0.5 * strength**2",
        "math.exp(-strength**2",
        "tests/core/flow/test_sde.py",
    ),
    Mutant(
        "times of k steps end at 1",
        "core/flow/schedules.py",
        ".clamp_max(schedule - 1) / schedule",
        ".clamp_max(schedule - 1) / max(schedule - 1, 1)",
        "tests/core/flow/test_schedules.py",
    ),
    Mutant(
        "time leaks into the residual stream",
        "vocoder/rectified/dilated_network.py",
        "y = x + self.time(time)[:, :, None]",
        "x = y = x + self.time(time)[:, :, None]",
        "tests/vocoder/rectified/test_dilated.py",
    ),
    Mutant(
        "upsampling's taps not reversed",
        "vocoder/rectified/upsampling.py",
        ".flip((0, 1))",
        ".flip((0,))",
        "tests/vocoder/rectified/test_dilated.py",
    ),
    Mutant(
        "prior shaped by the square of the envelope",
        RECTIFIED,
        "self.stft(white) * self.prior_gains(log_mel), mask)",
        "self.stft(white) * self.prior_gains(log_mel).square(), mask)",
        TEST_RECTIFIED,
    ),
    Mutant(
        "mask forgotten in the mel-consistency rounds",
        CONSISTENCY,
        "stft.inverse(spectrum, mask)",
        "stft.inverse(spectrum)",
        TEST_CONSISTENCY,
    ),
    Mutant(
        "a part starts from the beginning of the noise",
        STREAMING,
        "noise[:, first * hop : last * hop]",
        "noise[:, : (last - first) * hop]",
        TEST_STREAMING,
    ),
    Mutant(
        "a part reads nothing of what was before it",
        STREAMING,
        "max(0, start - context)",
        "start",
        TEST_STREAMING,
    ),
    Mutant(
        "mel-consistency upside down",
        CONSISTENCY,
        "ratio = wanted / mel.clamp_min(envelope.spec.log_floor)",
        "ratio = mel / wanted.clamp_min(envelope.spec.log_floor)",
        TEST_CONSISTENCY,
    ),
    Mutant(
        "consistent velocity not divided by the time left",
        CONSISTENCY,
        "(wanted - x) / (1.0 - time).clamp_min(1.0 - LATEST_TIME)",
        "(wanted - x)",
        TEST_CONSISTENCY,
    ),
    Mutant(
        "noise subtracted by amplitude in place of power",
        DENOISING,
        "(2.0 * (self.floor - log_mel)).exp()",
        "(self.floor - log_mel).exp()",
        TEST_DENOISING,
    ),
    Mutant(
        "more than the least gain is taken away",
        DENOISING,
        "kept.clamp_min(LEAST_GAIN**2)",
        "kept.clamp_min(LEAST_GAIN**4)",
        TEST_DENOISING,
    ),
    Mutant(
        "noise measured on padding too",
        DENOISING,
        "log_mel.transpose(1, 2)[mask[:, 0]]",
        "log_mel.transpose(1, 2).flatten(0, 1)",
        TEST_DENOISING,
    ),
    Mutant(
        "the vocoder helps its critics",
        "vocoder/adversarial.py",
        "torch.cat([real, made.detach()])",
        "torch.cat([real, made])",
        TEST_VOCODER_ADVERSARIAL,
    ),
    Mutant(
        "critics are moved by what the vocoder loses",
        "core/adversarial.py",
        "value.detach() for name, value in critic",
        "value for name, value in critic",
        TEST_VOCODER_ADVERSARIAL,
    ),
    Mutant(
        "phases hidden from the spectral critic",
        "vocoder/critics.py",
        "image = (cells * power.pow((COMPRESSION - 1) / 2)).permute(0, 3, 2, 1)",
        "image = power.pow(COMPRESSION / 2).expand_as(cells).permute(0, 3, 2, 1)",
        TEST_VOCODER_ADVERSARIAL,
    ),
    Mutant(
        "period critic reads rows for columns",
        "vocoder/critics.py",
        ".reshape(len(waveform), -1, self.period)",
        ".reshape(len(waveform), self.period, -1).transpose(1, 2)",
        TEST_VOCODER_ADVERSARIAL,
    ),
    Mutant(
        "rounds have no gradient at silence",
        CONSISTENCY,
        "power.clamp_min(TINY_POWER).sqrt()",
        "power.sqrt()",
        TEST_VOCODER_ADVERSARIAL,
    ),
    Mutant(
        "overlapping windows counted once too few in the middle",
        "core/audio/stft.py",
        "middle = rows[:, ratio - 1 : ratio]",
        "middle = rows[:, ratio - 2 : ratio - 1]",
        "tests/core/audio/test_stft.py",
    ),
    Mutant(
        "a quality changes what it leaves open",
        "core/quality.py",
        "if value is not None}",
        "}",
        "tests/core/test_quality.py",
    ),
    Mutant(
        "envelope resized by amplitude in place of energy",
        "vocoder/envelope.py",
        "(n_fft / self.spec.win_samples) ** 0.5",
        "(n_fft / self.spec.win_samples)",
        "tests/vocoder/test_envelope.py",
    ),
    Mutant(
        "step of NaN taken all the same",
        "core/training.py",
        "if not torch.isfinite(norm):",
        "if False:",
        TEST_TRAINING,
    ),
    Mutant(
        "draws of a step not seeded by its number",
        "core/training.py",
        "entropy = [self.config.seed, self.global_step, self.global_rank]",
        "entropy = [self.config.seed, self.global_rank]",
        TEST_TRAINING + "::test_draws_of_a_step_depend_on_its_number",
    ),
    Mutant(
        "average that forgets its warm-up",
        "core/training_callbacks.py",
        "1.0 - min(decay, (1 + number) / (10 + number))",
        "1.0 - decay",
        TEST_TRAINING,
    ),
    Mutant(
        "pairs made by shards that overlap",
        "core/data/pairs.py",
        "range(shard[0], len(parts), shard[1])",
        "range(0, len(parts), shard[1])",
        "tests/core/data/test_pairs.py",
    ),
    Mutant(
        "noise of a pair that another temperature scales",
        "tts/reflow.py",
        "noise = self.facts.temperature * self",
        "noise = 1.5 * self",
        "tests/tts/test_reflow.py",
    ),
    Mutant(
        "loss on pairs that draws noise of its own",
        "vocoder/rectified/model.py",
        "if x_0 is None:",
        "if True:",
        "tests/vocoder/test_reflow.py",
    ),
    Mutant(
        "text's side that learns from generated mels",
        "tts/pairs.py",
        'requires_grad_(name.split(".")[0] in DECODER_SIDE)',
        "requires_grad_(True)",
        "tests/tts/test_pairs.py",
    ),
    Mutant(
        "bends measured from the start of a step",
        "core/flow/straightness.py",
        "for u in seen[1::2]",
        "for u in seen[::2]",
        "tests/core/flow/test_straightness.py",
    ),
    Mutant(
        "inverse autoregressive flow that looks at the sample itself",
        "vocoder/iaf/wavenet.py",
        "functional.pad(history, (2, 0))[:, None, :-1]",
        "functional.pad(history, (1, 0))[:, None]",
        TEST_IAF_FLOWS,
    ),
    Mutant(
        "flow's total shift not stretched by the later flows",
        "vocoder/iaf/flows.py",
        "total_shift = scale * total_shift + shift",
        "total_shift = total_shift + shift",
        TEST_IAF_FLOWS,
    ),
    Mutant(
        "entropy of a logistic distribution one nat short",
        "vocoder/iaf/losses.py",
        "return log_scale + 2",
        "return log_scale + 1",
        "tests/vocoder/iaf/test_losses.py",
    ),
    Mutant(
        "likelihood without the volume of the unit",
        "vocoder/iaf/model.py",
        "return z, log_scale + self.unit.log()",
        "return z, log_scale",
        "tests/vocoder/iaf/test_iaf.py",
    ),
    Mutant(
        "reading the teacher disturbs the draws of its step",
        "vocoder/iaf/teacher.py",
        "with torch.random.fork_rng(devices=[]):",
        "if True:",
        "tests/vocoder/iaf/test_iaf_training.py",
    ),
    Mutant(
        "WaveGrad's posterior with the variance of the forward step",
        "vocoder/wavegrad/diffusion.py",
        "(beta * less / noise) ** 0.5",
        "beta**0.5",
        "tests/vocoder/wavegrad/test_diffusion.py",
    ),
    Mutant(
        "probability flow on a state that is not scaled to its noise level",
        "vocoder/wavegrad/diffusion.py",
        "y = x * noise_level_scale(t).reshape(-1, 1)",
        "y = x",
        "tests/vocoder/wavegrad/test_diffusion.py",
    ),
    Mutant(
        "noise levels of training at the schedule's own only",
        "vocoder/wavegrad/model.py",
        "torch.lerp(self.levels[number - 1], self.levels[number], share)",
        "self.levels[number]",
        "tests/vocoder/wavegrad/test_wavegrad.py::test_noise_levels_of_training_are_uniform_between_neighbours",
    ),
    Mutant(
        "interpolation that looks beyond an item's end",
        "vocoder/wavegrad/network.py",
        "x = x + functional.pad(x, (1, 0))[:, :, :-1] * after",
        "x = x + 0 * after",
        "tests/vocoder/wavegrad/test_wavegrad.py::test_batch_equals_singles",
    ),
    Mutant(
        "the demo's state heads for where it has come from",
        "tts/demo/flows.py",
        "state + (1 - t) * velocity",
        "state + t * velocity",
        "tests/tts/demo/test_flows.py::test_the_last_state_points_at_itself",
    ),
)


class Outcome(NamedTuple):
    """What came of one run of tests."""

    mutant: Mutant | None
    word: str
    seconds: float
    detail: str


def fragment_count(mutant: Mutant, root: Path = ROOT) -> int:
    """How often the fragment stands in its file; 0 also when there is no such file."""
    path = root / mutant.file
    return path.read_text(encoding="utf-8").count(mutant.original) if path.is_file() else 0


def copy_tree(target: Path) -> None:
    """Copy the packages and tests, without weights and caches."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        elif source.is_file():
            shutil.copy2(source, target / name)


def run_tests(directory: Path, targets: Iterable[str]) -> tuple[int, str]:
    """pytest's exit code and the end of its output; to be called in a process of its own."""
    os.chdir(directory)
    sys.path.insert(0, str(directory))
    log = directory / "output.txt"
    with log.open("w", encoding="utf-8") as stream:
        for number in (1, 2):
            os.dup2(stream.fileno(), number)
    if hasattr(signal, "alarm"):
        # The signal's handler raises, so that the test that hangs fails.
        signal.signal(signal.SIGALRM, _stop)
        signal.alarm(TIMEOUT_SECONDS)
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *targets])
    sys.stdout.flush()
    return int(code), log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _stop(number: int, frame: object) -> None:
    raise TimeoutError(f"stopped after {TIMEOUT_SECONDS} s")


def drill(job: tuple[Mutant | None, Sequence[str]]) -> Outcome:
    """Apply a mutant (or none) to a fresh copy and run the tests."""
    mutant, targets = job
    started = time.monotonic()
    if mutant is not None and (count := fragment_count(mutant)) != 1:
        return Outcome(mutant, "LOST", 0.0, f"{mutant.original!r} found {count} times")
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        directory = Path(name)
        copy_tree(directory)
        if mutant is not None:
            path = directory / mutant.file
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(mutant.original, mutant.mutated), encoding="utf-8")
        code, output = run_tests(directory, targets)
        os.chdir(ROOT)
    if mutant is None:
        word = "passed" if code == 0 else "BROKEN"
    else:
        # Other codes mean that no test was run at all, which kills nothing.
        word = {0: "SURVIVED", 1: "killed"}.get(code, "BROKEN")
    return Outcome(mutant, word, time.monotonic() - started, output)


def processes(jobs: int) -> Pool:
    """A pool with a fresh process for each job, the heavy imports shared where the system can."""
    os.environ.update(OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(["torch", "torchdiffeq", "hypothesis", "numpy", "pytest"])
    return context.Pool(jobs, maxtasksperchild=1)


def report(outcome: Outcome) -> bool:
    """Print one line, with the tests' output where something is wrong; True when all is well."""
    claim = outcome.mutant.claim if outcome.mutant else "no mutant"
    file = outcome.mutant.file if outcome.mutant else "all tests named"
    print(f"{outcome.word:9}{outcome.seconds:6.1f} s  {claim}  ({file})", flush=True)
    good = outcome.word in ("killed", "passed")
    if not good:
        print("    " + outcome.detail.strip().replace("\n", "\n    "), flush=True)
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the drill; the exit code."""
    parser = argparse.ArgumentParser(description="Falsify one line at a time; tests must notice.")
    parser.add_argument("words", nargs="*", help="only mutants whose file or claim has such a word")
    parser.add_argument("--list", action="store_true", help="show the table and run nothing")
    parser.add_argument("--jobs", type=int, default=max(1, min(4, os.cpu_count() or 1)))
    options = parser.parse_args(arguments)
    chosen = [
        mutant
        for mutant in MUTANTS
        if not options.words or any(w in f"{mutant.file} {mutant.claim}" for w in options.words)
    ]
    if not chosen:
        parser.error(f"no mutant matches {' '.join(options.words)}")
    if options.list:
        for mutant in chosen:
            print(f"{mutant.file}: {mutant.claim}\n    - {mutant.original}\n    + {mutant.mutated}")
        return 0
    unmutated = sorted({mutant.tests for mutant in chosen})
    jobs = [(None, unmutated), *[(mutant, [mutant.tests]) for mutant in chosen]]
    started = time.monotonic()
    with processes(options.jobs) as pool:
        good = [report(outcome) for outcome in pool.imap(drill, jobs)]
    killed = sum(good[1:])
    print(f"{killed} of {len(chosen)} mutants killed in {time.monotonic() - started:.0f} s")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
