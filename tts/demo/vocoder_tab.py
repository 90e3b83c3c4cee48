"""The tab in which recordings are copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import InputError
from text import TextError
from tts.demo.cards import Card, show_cards
from tts.demo.copying import GRIFFIN_LIM, Copy, copies, systems
from tts.demo.files import Files
from tts.demo.limits import ONE_AT_A_TIME, RECORDING_SECONDS, UPLOAD_BYTES, whole_number
from tts.demo.messages import empty, mistake, note, place, said
from tts.demo.pictures import difference_png, mel_png
from tts.demo.voices import Voices

STEPS = (1, 2, 4, 10, 32)
ABOUT = (
    "A vocoder turns a mel spectrogram back into a wave. Drop a recording, and hear what is left "
    f"of it after its mel: up to {RECORDING_SECONDS:g} s of WAV, FLAC, OGG or MP3, "
    f"{UPLOAD_BYTES // 1_000_000} MB."
)
EMPTY = empty("Recording and copies appear here, side by side.")


def vocoder_tab(gr: Any, voices: Voices, files: Files) -> None:
    """Lay the tab out; to be called inside it.

    Args:
        gr: Gradio.
        voices: Whose vocoders.
        files: Where sounds and pictures go.
    """
    place(gr, note(ABOUT))
    known = systems(voices)
    with gr.Row():
        recording = gr.Audio(
            sources=["upload", "microphone"],
            type="filepath",
            label="Recording",
            min_width=280,
            buttons=[],
            scale=3,
        )
        with gr.Column(scale=2, min_width=280):
            names = gr.CheckboxGroup(known, value=[known[0], GRIFFIN_LIM], label="Vocoders")
            steps = gr.CheckboxGroup(list(STEPS), value=[1, 4], label="Steps")
            seed = gr.Number(0, precision=0, minimum=0, label="Seed")
            button = gr.Button("Copy", variant="primary")
    status = place(gr, said(), "st-status")
    cards = place(gr, EMPTY)

    def on_copy(*values: Any) -> Iterator[tuple[str, str]]:
        yield from copied(voices, files, *values)

    button.click(
        on_copy,
        [recording, names, steps, seed],
        [cards, status],
        api_name="copy",
        show_progress="hidden",
        **ONE_AT_A_TIME,
    )


def copied(
    voices: Voices,
    files: Files,
    recording: str | None,
    names: list[str],
    steps: list[int],
    seed: object,
) -> Iterator[tuple[str, str]]:
    """HTML of the recording and its copies so far, and of the status, after each copy.

    Args:
        voices: Whose vocoders.
        files: Where sounds and pictures go.
        recording: Path of what was uploaded, or None.
        names: Of the vocoders.
        steps: Numbers of steps.
        seed: Of the noise.
    """
    shown: list[Card] = []
    try:
        if not recording:
            raise InputError("there is no recording yet: drop one, or use the microphone")
        content = Path(recording).read_bytes()
        wanted = [whole_number("steps", number, 1, max(STEPS)) for number in steps or ()]
        chosen = whole_number("seed", seed or 0, 0, 2**53)
        for copy in copies(voices, content, names or (), wanted, chosen):
            shown.append(_card(copy, files))
            yield show_cards(shown, "Copying …"), said("")
    except (InputError, TextError) as error:
        yield show_cards(shown) if shown else EMPTY, mistake(error)
        return
    made = "1 copy" if len(shown) == 2 else f"{len(shown) - 1} copies"
    yield show_cards(shown), said(f"{made}, on {voices.default.device}.")


def _card(copy: Copy, files: Files) -> Card:
    pictures = {"Mel": files.put("mel.png", mel_png(copy.log_mel))}
    if copy.difference is not None:
        address = files.put("difference.png", difference_png(copy.difference))
        pictures["Difference: blue is quieter, red louder"] = address
    steps = "" if copy.steps is None else f", {copy.steps} step{'s' * (copy.steps != 1)}"
    cost = {"Evaluations": str(copy.nfe)} if copy.nfe else {}
    if copy.difference is not None:
        length = len(copy.waveform) / copy.sample_rate_hz
        cost["Time"] = f"{copy.seconds:.2f} s · RTF {copy.seconds / length:.3f}"
    return Card(
        title=f"{copy.name}{steps}",
        sound=files.put_sound(copy.waveform, copy.sample_rate_hz, "copy.wav"),
        pictures=pictures,
        facts={**copy.scores, **cost},
    )
