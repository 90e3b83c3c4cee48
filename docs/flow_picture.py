"""Draw docs/flow.png: why equal angles are the best time grid for Gaussian data.

python docs/flow_picture.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from core.flow import GaussianOracle, make_grid, solve  # noqa: E402

DEVIATION = 0.5
STEPS = 4
MOST_STEPS = 16
GRIDS = {"uniform": "C0", f"equal-angle:{DEVIATION}": "C1"}


def terminal_deviation(grid: str, steps: int) -> float:
    """Deviation that Euler steps give to samples that began with deviation 1."""
    field = GaussianOracle(0.0, DEVIATION).velocity
    start = torch.ones(1, dtype=torch.float64)
    return abs(float(solve(field, start, make_grid(grid, steps), "euler").x))


def main() -> None:
    """Draw the picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    plane, curve = figure.subplots(1, 2)
    plane.plot([1, 0], [0, DEVIATION], color="0.6")
    for number, (name, colour) in enumerate(GRIDS.items()):
        times = make_grid(name, STEPS).numpy()
        for index, t in enumerate(times):
            label = name if not index else None
            style = {"color": colour, "linestyle": ("-", "--")[number], "label": label}
            plane.plot([0, 1 - t], [0, t * DEVIATION], marker="o", markevery=[1], **style)
        counts = np.arange(1, MOST_STEPS + 1)
        reached = [terminal_deviation(name, int(count)) for count in counts]
        curve.plot(counts, reached, color=colour, marker="o", label=f"{name}, measured")
    best = DEVIATION * np.cos(np.pi / (2 * counts)) ** counts
    curve.plot(counts, best, color="k", linestyle=":", label=r"$s\,\cos^N(\pi/2N)$")
    curve.axhline(DEVIATION, color="0.6", label="s, the truth")
    plane.set(
        xlabel="noise, 1 - t", ylabel="data, t s", title=f"nodes of {STEPS} steps, s = {DEVIATION}"
    )
    curve.set(xlabel="Euler steps N", ylabel="deviation of the samples", title="what arrives")
    plane.set_aspect("equal")
    for axes in (plane, curve):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "flow.png", dpi=100)


if __name__ == "__main__":
    main()
