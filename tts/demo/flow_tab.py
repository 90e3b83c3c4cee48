"""The tab that shows what a flow does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.flow import METHODS
from tts.demo.comparing import HALVES, STEPS
from tts.demo.files import Files
from tts.demo.flow_answers import (
    FLOWS,
    NO_BENDS,
    NO_WALK,
    OWN,
    WALK_STEPS,
    compared,
    measured,
    walked,
)
from tts.demo.limits import FLOW_CHARACTERS, ONE_AT_A_TIME
from tts.demo.messages import empty, note, part, place, said
from tts.demo.voices import Voices

TEXT = "A straight path needs few steps."
GRIDS = (OWN, "uniform", "cosine", "sway:-1", "power:2", "equal-angle:1")
ABOUT = (
    "A flow carries noise at t = 0 to speech at t = 1, along a velocity that a network has learnt. "
    "The straighter the paths, the fewer steps it takes to follow them."
)
NO_CARDS = empty(f"The sentence with {', '.join(map(str, STEPS[:-1]))} and {STEPS[-1]} steps.")


def flow_tab(gr: Any, voices: Voices, files: Files) -> None:
    """Lay the tab out; to be called inside it.

    Args:
        gr: Gradio.
        voices: To choose from, when there are several.
        files: Where sounds and pictures go.
    """
    place(gr, note(ABOUT))
    names = voices.names
    with gr.Row():
        voice = gr.Dropdown(
            names, value=names[0], label="Voice", min_width=140, visible=len(names) > 1
        )
        text = gr.Textbox(
            TEXT, label="Sentence", max_length=FLOW_CHARACTERS, min_width=280, scale=3
        )
        method = gr.Dropdown([OWN, *METHODS], value=OWN, label="Method", min_width=140)
        grid = gr.Dropdown(
            list(GRIDS),
            value=OWN,
            label="Grid, or 0,0.3,1",
            min_width=140,
            allow_custom_value=True,
        )
        seed = gr.Number(0, precision=0, minimum=0, label="Seed", min_width=90)
    how = [voice, text, method, grid, seed]
    _side_by_side(gr, voices, files, how)
    _walk(gr, voices, files, how)
    _straightness(gr, voices, how)


def _side_by_side(gr: Any, voices: Voices, files: Files, how: list[Any]) -> None:
    place(gr, part("Few steps and many"))
    with gr.Row():
        halves = gr.Radio(
            [(name, key) for key, name in HALVES.items()],
            value="both",
            label="Steps of",
            scale=3,
            min_width=300,
        )
        button = gr.Button("Compare", variant="primary", min_width=140, elem_classes="st-go")
    status = place(gr, said(), "st-status")
    cards = place(gr, NO_CARDS)

    def on_compare(halves: str, *values: Any) -> Iterator[tuple[str, str]]:
        yield from compared(voices, files, halves, *values)

    button.click(
        on_compare,
        [halves, *how],
        [cards, status],
        api_name="compare",
        show_progress="hidden",
        **ONE_AT_A_TIME,
    )


def _walk(gr: Any, voices: Voices, files: Files, how: list[Any]) -> None:
    place(gr, part("From noise to speech"))
    with gr.Row():
        which = gr.Radio(
            [(name, key) for key, name in FLOWS.items()],
            value="mel",
            label="Flow",
            scale=2,
            min_width=300,
        )
        steps = gr.Slider(2, WALK_STEPS, 8, step=1, label="Steps", scale=2, min_width=220)
        button = gr.Button("Walk", variant="primary", min_width=140, elem_classes="st-go")
    status = place(gr, said(), "st-status")
    shown = place(gr, NO_WALK)

    def on_walk(which: str, steps: float, *values: Any) -> tuple[str, str]:
        return walked(voices, files, which, steps, *values)

    button.click(
        on_walk,
        [which, steps, *how],
        [shown, status],
        api_name="walk",
        show_progress="minimal",
        **ONE_AT_A_TIME,
    )


def _straightness(gr: Any, voices: Voices, how: list[Any]) -> None:
    place(gr, part("How straight the paths are"))
    with gr.Row():
        button = gr.Button("Measure", variant="primary", min_width=140, elem_classes="st-go")
    status = place(gr, said(), "st-status")
    shown = place(gr, NO_BENDS)

    def on_measure(voice: str, text: str, seed: object) -> tuple[str, str]:
        return measured(voices, voice, text, seed)

    voice, text, _, _, seed = how
    button.click(
        on_measure,
        [voice, text, seed],
        [shown, status],
        api_name="measure",
        show_progress="minimal",
        **ONE_AT_A_TIME,
    )
