"""The demo: text in, audio and its mel spectrogram out, in a browser.

python app.py --voice kathleen --port 7860
"""

from __future__ import annotations

import argparse
import html
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.audio.mel import MelSpec
from core.errors import InputError
from text import TextError
from tts.speech import Speech
from tts.synthesizer import Options, Synthesizer

if TYPE_CHECKING:
    import gradio as gr
    from matplotlib.figure import Figure

TITLE = "StraightTalk"
MAX_CHARACTERS = 4096
MAX_STEPS = 64
QUEUE_SIZE = 32
CACHE_SECONDS = 3600
EXAMPLES = (
    "The shortest way from noise to speech is a straight line.",
    "Dr. Smith paid $3.50 for 12 apples on May 3rd, 2021.",
    "Say it slowly, then say it again, and nobody will hear the difference.",
)
TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000, 16000)
FONTS = ("ui-sans-serif", "system-ui", "sans-serif")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def mel_figure(speech: Speech, spec: MelSpec) -> Figure:
    """Draw the mel spectrogram of a stretch of speech, words above it.

    Args:
        speech: What was said.
        spec: The contract of its mel.

    Returns:
        The picture; time in seconds across, frequency in Hz upwards, natural log magnitude.
    """
    from librosa import mel_frequencies
    from matplotlib.figure import Figure

    edges = mel_frequencies(n_mels=spec.n_mels + 2, fmin=spec.f_min_hz, fmax=spec.f_max_hz)
    centres = edges[1:-1]
    ticks = [hz for hz in TICKS_HZ if centres[0] < hz <= spec.f_max_hz]
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.add_subplot()
    extent = (0.0, speech.seconds, -0.5, spec.n_mels - 0.5)
    image = axes.imshow(
        speech.mel.numpy(), origin="lower", aspect="auto", extent=extent, cmap="magma"
    )
    axes.set_yticks(np.interp(ticks, centres, np.arange(spec.n_mels)), [str(hz) for hz in ticks])
    axes.set_xlabel("seconds")
    axes.set_ylabel("Hz")
    if len(speech.words) <= 24:
        above = axes.secondary_xaxis("top")
        middles = [(word.start_seconds + word.end_seconds) / 2 for word in speech.words]
        above.set_xticks(middles, [word.text for word in speech.words], rotation=30, ha="left")
    figure.colorbar(image, ax=axes, label="log magnitude", pad=0.01)
    return figure


def readout(speech: Speech, seconds: float, device: str) -> str:
    """Say what a synthesis cost, a line each.

    Args:
        speech: What was said.
        seconds: Time it took.
        device: Where.
    """
    shares = (speech.acoustic_seconds, speech.vocoder_seconds)
    lines = [
        f"{speech.seconds:.2f} s of speech in {seconds:.2f} s on {device}: "
        f"real-time factor {seconds / speech.seconds:.3f}",
        f"{speech.acoustic_nfe} evaluations of the mel decoder ({shares[0]:.2f} s), "
        f"{speech.vocoder_nfe} of the vocoder ({shares[1]:.2f} s)",
    ]
    return "\n".join([*lines, *speech.notes])


def speak(
    synthesizer: Synthesizer, text: str, options: Options
) -> tuple[tuple[int, np.ndarray], Figure, str]:
    """Say a text for the page.

    Args:
        synthesizer: The voice.
        text: At most `MAX_CHARACTERS`.
        options: How.

    Returns:
        Rate and int16 samples, the picture of the mel, and the readout.

    Raises:
        InputError: The text is too long, or an option is out of range.
        text.TextError: There is nothing to say.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"the text has {len(text):,} characters; the demo takes at most {MAX_CHARACTERS:,}"
        )
    for name, steps in (("steps", options.steps), ("vocoder steps", options.vocoder_steps)):
        if steps is not None and steps > MAX_STEPS:
            raise InputError(f"{name} is {steps}; the demo takes 1 to {MAX_STEPS}")
    began = time.perf_counter()
    speech = synthesizer.synthesize(text, options)
    seconds = time.perf_counter() - began
    # Gradio would bring floats to full scale, and the voice's loudness with them.
    samples = np.round(speech.waveform.numpy() * 32767.0).astype(np.int16)
    picture = mel_figure(speech, synthesizer.acoustic.spec)
    facts = readout(speech, seconds, str(synthesizer.device))
    return (speech.sample_rate_hz, samples), picture, facts


def build_demo(synthesizer: Synthesizer) -> gr.Blocks:
    """Lay the page out.

    Args:
        synthesizer: The voice that speaks.

    Returns:
        The page, its queue set up, ready to be launched.

    Raises:
        InputError: Gradio is not installed.
    """
    gr = _gradio()
    facts = synthesizer.voice.facts
    sampling = synthesizer.acoustic.config.sampling

    def on_speak(
        text: str, speaker: str | None, speed: float, steps: float, vocoder_steps: float,
        temperature: float, seed: float | None,
    ) -> tuple[tuple[int, np.ndarray] | None, Figure | None, str]:  # fmt: skip
        try:
            options = Options(
                speaker=speaker,
                speed=speed,
                steps=int(steps),
                vocoder_steps=int(vocoder_steps),
                temperature=temperature,
                seed=int(seed or 0),
            )
            return speak(synthesizer, text, options)
        except (InputError, TextError) as error:
            # Raised as an error it would cover every output with a big red word.
            gr.Warning(html.escape(str(error)), title="Not said")
            return None, None, str(error)

    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)
    ) as demo:
        gr.Markdown(
            f"# {TITLE}\n{facts.name}, {facts.language}, on {synthesizer.device}. "
            "Text to mel to wave, along two straight paths."
        )
        with gr.Row():
            with gr.Column(scale=1):
                text = gr.Textbox(EXAMPLES[0], label="Text", lines=4, max_length=MAX_CHARACTERS)
                speaker = gr.Dropdown(
                    list(synthesizer.speakers),
                    value=next(iter(synthesizer.speakers), None),
                    label="Speaker",
                    visible=bool(synthesizer.speakers),
                )
                say = gr.Button("Speak", variant="primary")
                gr.Examples([[example] for example in EXAMPLES], inputs=text, label="Try")
                controls = _controls(gr, sampling, synthesizer.vocoder.defaults.steps)
            with gr.Column(scale=2):
                audio = gr.Audio(label="Speech", format="wav", autoplay=True, buttons=["download"])
                picture = gr.Plot(label="Mel spectrogram", show_label=False, format="png")
                cost = gr.Textbox(label="Cost", lines=2, interactive=False)
        gr.on(
            [say.click, text.submit],
            on_speak,
            inputs=[text, speaker, *controls],
            outputs=[audio, picture, cost],
            api_name="speak",
        )
    demo.queue(max_size=QUEUE_SIZE, default_concurrency_limit=1, api_open=False)
    return demo


def _controls(gr: Any, sampling: Any, vocoder_steps: int) -> list[Any]:
    with gr.Accordion("How it speaks", open=True):
        return [
            gr.Slider(0.25, 4.0, 1.0, step=0.05, label="Speed"),
            gr.Slider(1, MAX_STEPS, sampling.steps, step=1, label="Mel steps"),
            gr.Slider(1, MAX_STEPS, vocoder_steps, step=1, label="Vocoder steps"),
            gr.Slider(0.0, 2.0, sampling.temperature, step=0.001, label="Temperature"),
            gr.Number(0, precision=0, minimum=0, label="Seed"),
        ]


def _gradio() -> Any:
    # Gradio asks its makers' servers for news unless it is told not to before it is imported.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import gradio
    except ImportError as error:
        raise InputError(
            'the demo needs gradio: pip install -c constraints.txt ".[demo]"'
        ) from error
    return gradio


def launch(demo: gr.Blocks, **options: Any) -> str:
    """Serve a page in the background, from this machine alone and without the net.

    Args:
        demo: From `build_demo`.
        **options: More arguments of `gradio.Blocks.launch`.

    Returns:
        Its address.

    Raises:
        InputError: The port is taken.
    """
    theme = _gradio().themes.Default(font=FONTS, font_mono=("ui-monospace", "monospace"))
    try:
        _, address, _ = demo.launch(
            share=False,
            prevent_thread_lock=True,
            quiet=True,
            show_error=False,
            ssr_mode=False,
            max_file_size="1kb",
            footer_links=[],
            theme=theme,
            **options,
        )
    except OSError as error:
        raise InputError(f"the demo cannot be served: {error}") from error
    return str(address)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the demo until it is interrupted."""
    parser = argparse.ArgumentParser(description="Serve the StraightTalk demo.")
    parser.add_argument("-v", "--voice", help="name, directory or hf:// address")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--root-path", help="path under which a proxy serves the page")
    chosen = parser.parse_args(arguments)
    try:
        demo = build_demo(Synthesizer.from_pretrained(chosen.voice, device=chosen.device))
        address = launch(
            demo, server_name=chosen.host, server_port=chosen.port, root_path=chosen.root_path
        )
    except (InputError, TextError) as error:
        sys.stderr.write(f"app.py: {error}\n")
        return 1
    if chosen.host not in LOOPBACK:
        sys.stderr.write(f"Whoever can reach {chosen.host} can use this page.\n")
    sys.stderr.write(f"Serving {address} (Ctrl-C ends)\n")
    demo.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(main())
