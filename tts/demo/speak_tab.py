"""The tab in which a text is spoken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.errors import InputError
from core.quality import QUALITIES
from text import TextError
from text.espeak import languages
from tts.demo.files import Files
from tts.demo.limits import MAX_CHARACTERS, MAX_STEPS, ONE_AT_A_TIME
from tts.demo.messages import place, said
from tts.demo.speak_answers import NOTHING, answer
from tts.demo.speaking import say, say_phonemes
from tts.demo.voices import Voices
from tts.options import SPEEDS
from tts.synthesizer import Synthesizer

EXAMPLES = {
    "A straight line": "The shortest way from noise to speech is a straight line.",
    "Numbers and dates": "Dr. Smith paid $3.50 for 12 apples on May 3rd, 2021.",
    "A longer text": (
        "Imagine a cloud of noise. A network has learnt where every drop of it has to go, so that "
        "all of them together become a voice. Where the ways are straight, a few large steps are "
        "enough. Where they bend, it takes many small ones. This sentence was made while you "
        "listened to the one before."
    ),
}
PLAYER = (
    '<div class="st-player"><audio id="st-audio" controls preload="auto" '
    'aria-label="Speech"></audio></div>'
)
PAUSE = '() => { document.querySelector("#st-audio").pause(); }'


def speak_tab(gr: Any, voices: Voices, files: Files) -> None:
    """Lay the tab out; to be called inside it.

    Args:
        gr: Gradio.
        voices: To choose from.
        files: Where sounds and pictures go.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            text = gr.Textbox(
                next(iter(EXAMPLES.values())),
                label="Text",
                info="Shift and Enter speak it.",
                lines=4,
                max_lines=12,
                max_length=MAX_CHARACTERS,
            )
            with gr.Row():
                speak = gr.Button("Speak", variant="primary", min_width=120, scale=3)
                stop = gr.Button("Stop", min_width=80, scale=1)
            gr.Examples(
                [[example] for example in EXAMPLES.values()],
                inputs=text,
                label="Try",
                example_labels=list(EXAMPLES),
            )
            choices = _choices(gr, voices)
        with gr.Column(scale=3, min_width=280):
            phonemes, again, outputs = _shown(gr)

    def on_speak(*values: Any) -> Iterator[tuple[Any, ...]]:
        yield from answer(voices, files, say, values[0], values[1:])

    def on_phonemes(*values: Any) -> Iterator[tuple[Any, ...]]:
        for shown in answer(voices, files, say_phonemes, values[0], values[1:]):
            # What is being edited stays as it is.
            yield (*shown[:2], gr.skip(), gr.skip())

    how = {"outputs": outputs, "show_progress": "hidden", **ONE_AT_A_TIME}
    spoken = gr.on([speak.click, text.submit], on_speak, [text, *choices], api_name="speak", **how)
    respoken = again.click(on_phonemes, [phonemes, *choices], api_name="speak_phonemes", **how)
    stop.click(None, cancels=[spoken, respoken], js=PAUSE)


def _shown(gr: Any) -> tuple[Any, Any, list[Any]]:
    """Where the answer goes: the field for phonemes, its button, and everything that is filled."""
    place(gr, PLAYER)
    track = place(gr, NOTHING)
    status = place(gr, said(), "st-status")
    with gr.Accordion("How it was read", open=False):
        reading = place(gr, "")
        phonemes = gr.Textbox(
            label="Phonemes, to be changed and spoken",
            info="IPA, a line for each sentence; words are separated by spaces.",
            lines=3,
            max_lines=10,
            max_length=MAX_CHARACTERS,
        )
        again = gr.Button("Speak the phonemes")
    return phonemes, again, [track, status, reading, phonemes]


def _choices(gr: Any, voices: Voices) -> list[Any]:
    """The fields of `options_of`, after those of the voice and the language."""
    chosen = voices.default
    sampling, names = chosen.acoustic.config.sampling, list(chosen.speakers)
    with gr.Accordion("How it speaks", open=False):
        with gr.Row():
            voice = gr.Dropdown(voices.names, value=voices.names[0], label="Voice", min_width=140)
            language = gr.Dropdown(
                list(languages()), value=chosen.frontend.language, label="Language", min_width=140
            )
        speaker = gr.Dropdown(
            names, value=next(iter(names), None), label="Speaker", visible=bool(names)
        )
        quality = gr.Radio(list(QUALITIES), value="balanced", label="Quality")
        speed = gr.Slider(*SPEEDS, 1.0, step=0.05, label="Speed")
        temperature = gr.Slider(0.0, 2.0, sampling.temperature, step=0.001, label="Temperature")
        steps = gr.Slider(1, MAX_STEPS, sampling.steps, step=1, label="Steps of the mel decoder")
        vocoder_steps = gr.Slider(
            1, MAX_STEPS, chosen.vocoder.defaults.steps, step=1, label="Steps of the vocoder"
        )
        seed = gr.Number(0, precision=0, minimum=0, label="Seed")
    habits = [temperature, steps, vocoder_steps]
    _follow(gr, voices, voice, quality, [speaker, language], habits)
    return [voice, language, quality, speaker, speed, *habits, seed]


def _follow(
    gr: Any, voices: Voices, voice: Any, quality: Any, fields: list[Any], habits: list[Any]
) -> None:
    """Give other fields what belongs to a voice and a quality when one of them is chosen."""

    def habits_of(chosen: Synthesizer, quality: str) -> list[Any]:
        found = chosen.acoustic.config.sampling.at(quality)
        return [found.temperature, found.steps, chosen.vocoder.defaults.at(quality).steps]

    def on_quality(name: str, quality: str) -> list[Any]:
        try:
            return habits_of(voices.take(name), quality)
        except (InputError, TextError):
            # Said when it is asked to speak.
            return [gr.skip()] * len(habits)

    def on_voice(name: str, quality: str) -> list[Any]:
        try:
            chosen = voices.take(name)
        except (InputError, TextError):
            return [gr.skip()] * len(fields + habits)
        names = list(chosen.speakers)
        return [
            gr.update(choices=names, value=next(iter(names), None), visible=bool(names)),
            chosen.frontend.language,
            *habits_of(chosen, quality),
        ]

    silently = {"api_name": False, "show_progress": "hidden"}
    voice.input(on_voice, [voice, quality], [*fields, *habits], **silently)
    quality.input(on_quality, [voice, quality], habits, **silently)
