"""Training shared by several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from core.training import WEIGHTS

SCRIPT = Path(__file__).parents[1] / "distributed_training.py"


def train(directory, processes, together):
    root = str(SCRIPT.parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(directory), str(processes), str(together)]
    done = subprocess.run(
        command, env=environment, cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return load_file(directory / WEIGHTS)["place"]


def test_two_processes_train_as_one_on_batches_of_twice_the_size(tmp_path):
    """Gradients are averaged over processes, and no two processes see the same batch."""
    shared = train(tmp_path / "two", 2, 1)
    alone = train(tmp_path / "one", 1, 2)
    torch.testing.assert_close(shared, alone, rtol=0, atol=1e-6)
    assert shared.abs().min() > 1e-3
