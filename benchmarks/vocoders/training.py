"""Training each vocoder for the same time of one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from benchmarks.vocoders.entries import ENTRIES, config_file
from core.config import load_config
from core.errors import InputError
from core.files import atomic_write
from core.training import WEIGHTS
from vocoder.registry import build_vocoder
from vocoder.training import VocoderExperiment, Windows, train_vocoder

BUDGET = "budget.json"
# The first steps fill caches and choose kernels.
WARM_STEPS = 2
LEAST_STEPS = 3
CALIBRATION_SHARE = 0.05


def read_experiment(
    name: str, features: Path, directory: Path, steps: int | None = None
) -> VocoderExperiment:
    """An entry's experiment on a corpus, of some steps; in `directory` lies its teacher."""
    overrides = [f"data.features={json.dumps(str(features))}"]
    if teacher := ENTRIES[name].teacher:
        overrides.append(f"vocoder.teacher={json.dumps(str(directory / teacher))}")
    if steps is not None:
        # The schedule is that of the whole race, however short.
        overrides += [f"training.steps={steps}", f"training.validate_every_steps={steps}"]
        overrides.append(f"training.warmup_steps={min(max(1, steps // 10), 300)}")
    return load_config(config_file(name), VocoderExperiment, overrides)


def clock_of(device: str) -> Callable[[], float]:
    """Seconds of this process's threads on a CPU, whatever others do; of the wall elsewhere."""
    if device == "cpu":
        return time.process_time

    def wall() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return wall


def seconds_per_step(experiment: VocoderExperiment, device: str, budget_seconds: float) -> float:
    """Time of a training step, measured on a few of them.

    Args:
        experiment: What is trained.
        device: "cpu" or "cuda".
        budget_seconds: Of the whole race; a twentieth of it is spent here at most, but for the
            fewest steps that tell anything.
    """
    config, training = experiment.data, experiment.training
    windows = Windows(config.store("train"), config, experiment.mel, training.seed)
    torch.manual_seed(training.seed)
    model = build_vocoder(experiment.vocoder, experiment.mel).to(device)
    sample = windows.sample(0, config.batch_size)
    model.measure_corpus(sample["waveform"].to(device), sample["mel"].to(device))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
    clock, began, count = clock_of(device), 0.0, 0
    for step in range(10_000):
        if step == WARM_STEPS:
            began = clock()
        batch = {name: value.to(device) for name, value in windows[step].items()}
        with torch.autocast(device, torch.bfloat16, enabled=training.precision == "bf16"):
            loss = model.training_loss(batch["waveform"], batch["mel"])["loss"]
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        count = step + 1 - WARM_STEPS
        if count >= LEAST_STEPS and clock() - began > CALIBRATION_SHARE * budget_seconds:
            break
    return (clock() - began) / count


def train_one(name: str, features: Path, minutes: float, directory: Path, device: str) -> None:
    """Train an entry for a time, or go on with it; one that is finished is left alone.

    The number of steps is fixed before the first, so that its learning rate comes down to the end
    and a killed training goes on exactly.

    Raises:
        InputError: The features are not fit for it, or it was begun with another budget.
    """
    place = directory / name
    file = place / BUDGET
    if file.is_file():
        facts = json.loads(file.read_text(encoding="utf-8"))
        if facts["minutes"] != minutes:
            raise InputError(
                f"{place} was begun with {facts['minutes']:g} minutes, not {minutes:g}: "
                "remove it, or name another --output-dir"
            )
    else:
        experiment = read_experiment(name, features, directory)
        budget = 60 * minutes * ENTRIES[name].share
        seconds = seconds_per_step(experiment, device, budget)
        steps = max(1, round(budget / seconds))
        facts = {"minutes": minutes, "steps": steps, "seconds_per_step": seconds, "device": device}
        with atomic_write(file) as path:
            path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    if "seconds" in facts:
        return
    experiment = read_experiment(name, features, directory, facts["steps"])
    clock = clock_of(device)
    began = clock()
    train_vocoder(experiment, place, resume=True, accelerator=device)
    if not (place / WEIGHTS).is_file():
        raise InputError(f"the training of {name} ended without weights")
    # Of the last run only, when it was killed before; the steps are the same.
    facts["seconds"] = clock() - began
    with atomic_write(file) as path:
        path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def train_all(
    names: list[str],
    features: Path,
    minutes: float,
    directory: Path,
    *,
    device: str,
    parallel: int,
) -> None:
    """Train entries, each in a process of one thread.

    Args:
        names: Of the entries.
        features: The feature store.
        minutes: Of each.
        directory: One directory an entry goes here.
        device: "cpu" or "cuda".
        parallel: Processes at a time.

    Raises:
        InputError: One failed; the others were trained.
    """
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")}

    def run(name: str) -> int:
        log = directory / name / "train.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable, "-m", "benchmarks.vocoders", "--stage", "train-one", "--only", name,
            "--features", str(features), "--minutes", str(minutes), "--device", device,
            "--output-dir", str(directory),
        ]  # fmt: skip
        sys.stderr.write(f"training {name}, see {log}\n")
        with log.open("a", encoding="utf-8") as stream:
            return subprocess.run(
                command, stdout=stream, stderr=subprocess.STDOUT, env=environment
            ).returncode

    codes: dict[str, int] = {}
    students = [name for name in names if ENTRIES[name].teacher]
    for group in ([name for name in names if name not in students], students):
        with ThreadPoolExecutor(parallel) as pool:
            codes.update(zip(group, pool.map(run, group), strict=True))
    failed = [name for name, code in codes.items() if code]
    if failed:
        raise InputError(f"not trained: {', '.join(failed)}; see train.log in {directory}")
