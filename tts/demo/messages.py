"""Sentences for the page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from tts.speech import Speech


def said(*lines: str) -> str:
    """Lines for the place under a button, told to screen readers when they change."""
    shown = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return f'<div role="status">{shown}</div>'


def mistake(error: Exception) -> str:
    """What was wrong, as one sentence."""
    sentence = " ".join(str(error).split())
    return f'<p class="st-error" role="alert">{html.escape(sentence)}</p>'


def cost(pieces: Sequence[Speech], first_seconds: float, seconds: float, device: str) -> list[str]:
    """What a synthesis cost, a line each.

    Args:
        pieces: The sentences.
        first_seconds: Time until the first could be heard.
        seconds: Time of all.
        device: Where.
    """
    length = sum(piece.seconds for piece in pieces)
    acoustic = sum(piece.acoustic_seconds for piece in pieces)
    vocoder = sum(piece.vocoder_seconds for piece in pieces)
    first = f", the first sound after {first_seconds:.2f} s" if len(pieces) > 1 else ""
    return [
        f"{length:.2f} s of speech in {seconds:.2f} s on {device}{first}: "
        f"real-time factor {seconds / length:.3f}",
        f"{sum(piece.acoustic_nfe for piece in pieces)} evaluations of the mel decoder "
        f"({acoustic:.2f} s), {sum(piece.vocoder_nfe for piece in pieces)} of the vocoder "
        f"({vocoder:.2f} s)",
    ]


def empty(sentence: str) -> str:
    """What stands where an answer will be."""
    return f'<div class="st-empty">{html.escape(sentence)}</div>'


def part(name: str) -> str:
    """A heading inside a tab."""
    return f'<h2 class="st-part">{html.escape(name)}</h2>'


def note(sentences: str) -> str:
    """What a tab is about."""
    return f'<p class="st-note">{html.escape(sentences)}</p>'


def place(gr: Any, content: str, kind: str = "") -> Any:
    """A place on the page for HTML of ours, with nothing of Gradio's around it.

    Args:
        gr: Gradio.
        content: What is there at first.
        kind: A class of `page.css`.
    """
    return gr.HTML(content, elem_classes=["st-bare", kind], apply_default_css=False)
