"""The walk from noise to speech as HTML: a slider, two pictures and a sound at every node."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence

import torch

from tts.demo.charts import Line, chart
from tts.demo.files import Files
from tts.demo.flows import Node
from tts.demo.pictures import mel_png

PATHS = 4
KINDS = ("st-a", "st-b", "st-c", "st-d")


def show_walk(nodes: Sequence[Node], sample_rate_hz: int, files: Files) -> str:
    """The walk, for the script of the page to move along.

    Args:
        nodes: From `tts.demo.flows.walk`.
        sample_rate_hz: Of their sounds.
        files: Where sounds and pictures go.
    """
    # One scale for all, so that noise is not made brighter than speech.
    top = float(nodes[-1].here.max())
    stops = [
        {
            "t": round(node.t, 4),
            "here": files.put("here.png", mel_png(node.here, top)),
            "ahead": files.put("ahead.png", mel_png(node.ahead, top)),
            "sound": files.put_sound(node.waveform, sample_rate_hz, "node.wav"),
        }
        for node in nodes
    ]
    first = stops[0]
    return (
        f'<div class="st-walk" data-stops="{html.escape(json.dumps(stops))}">'
        '<p class="st-time">Time <output>t = 0, noise</output></p><input type="range" min="0" '
        f'max="{len(stops) - 1}" value="0" step="1" aria-label="Time, from noise to speech" '
        'aria-valuetext="t = 0, noise">'
        '<div class="st-pair">'
        f"{_figure('here', str(first['here']), 'Where the state is')}"
        f"{_figure('ahead', str(first['ahead']), 'Where its velocity points')}</div>"
        f'<audio controls preload="auto" src="{first["sound"]}" aria-label="Sound at this time">'
        "</audio></div>"
    )


def _figure(name: str, address: str, caption: str) -> str:
    return (
        f'<figure><img data-name="{name}" src="{address}" alt="{caption}, as a mel spectrogram">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def show_paths(nodes: Sequence[Node]) -> str:
    """A few elements of the state on their way, each beside the straight line to its end."""
    times = [node.t for node in nodes]
    states = torch.stack([node.state.flatten() for node in nodes]).double().cpu()
    # Elements from low to high ends, so that the paths do not lie upon each other.
    order = states[-1].argsort()
    chosen = [order[round(share * (len(order) - 1))] for share in (0.05, 0.35, 0.65, 0.95)]
    lines = []
    for kind, index in zip(KINDS[:PATHS], chosen, strict=True):
        values = states[:, index].tolist()
        lines.append(Line("", (0.0, 1.0), (values[0], values[-1]), "st-chord"))
        lines.append(Line("", times, values, kind))
    title = "Paths of four elements of the state from noise to speech, beside straight lines"
    return chart(title, "time t", "value", lines, None)
