"""Pictures and charts."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from tts.demo.charts import HEIGHT, LEFT, RIGHT, WIDTH, Line, chart, legend
from tts.demo.pictures import difference_png, mel_png


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_louder_is_brighter():
    """Luminance grows with the level, up to the loudest; one column a frame."""
    mel = torch.linspace(-11.0, 1.0, 50).expand(80, 50)
    seen = pixels(mel_png(mel))
    light = seen[80] @ np.array([0.2126, 0.7152, 0.0722])
    assert seen.shape[1] == 50
    assert (np.diff(light) >= -1).all()
    assert light[-1] - light[0] > 150


def test_low_frequencies_are_at_the_bottom():
    """The first band is the last row."""
    mel = torch.full((80, 4), -11.0)
    mel[0] = 0.0
    seen = pixels(mel_png(mel)).sum(2)
    assert seen[-1].mean() > seen[0].mean() + 100


def test_no_difference_is_night_and_signs_differ():
    """Too quiet is blue, too loud is red."""
    seen = pixels(difference_png(torch.tensor([[0.0, -3.0, 3.0]]).repeat(80, 1)))[80]
    assert tuple(seen[0]) == (0x0D, 0x11, 0x28)
    assert seen[1][2] > seen[1][0]
    assert seen[2][0] > seen[2][2]


@pytest.mark.parametrize(
    "values", [[0.0, 0.5, 2.0], [-3.0, 1.0, 0.1], [1e-4, 2e-4, 9e-5], [1, 1, 1]]
)
def test_a_line_stays_in_its_chart(values):
    """From the left edge to the right one, within the height; axes enclose the values."""
    drawn = chart("t", "x", "y", [Line("a", (0.0, 0.5, 1.0), values, "st-a")], None)
    points = re.search(r'points="([^"]*)"', drawn)[1].split()
    across = [float(point.split(",")[0]) for point in points]
    up = [float(point.split(",")[1]) for point in points]
    assert across == pytest.approx([LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT], abs=0.1)
    assert all(0 <= y <= HEIGHT - 40 for y in up)
    assert np.argmin(up) == np.argmax(values)


def test_a_legend_names_its_lines():
    """As text."""
    assert "a &lt; b" in legend([Line("a < b", (0, 1), (0, 1), "st-a")])
