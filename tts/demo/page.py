"""The page: its tabs, its looks, and how it is served."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from tts.demo.files import Files
from tts.demo.flow_tab import flow_tab
from tts.demo.limits import CACHE_CHECK_SECONDS, CACHE_SECONDS, QUEUE_SIZE, UPLOAD_BYTES
from tts.demo.messages import place
from tts.demo.ranges import PlainRanges
from tts.demo.speak_tab import speak_tab
from tts.demo.uploads import only_uploads
from tts.demo.vocoder_tab import vocoder_tab
from tts.demo.voices import Voices
from tts.synthesizer import Synthesizer

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

TITLE = "StraightTalk"
FONTS = ("ui-sans-serif", "system-ui", "sans-serif")
MONO = ("ui-monospace", "monospace")
TABS = {"Speak": speak_tab, "Flow": flow_tab, "Vocoder": vocoder_tab}
HERE = Path(__file__).parent


def build_demo(synthesizer: Synthesizer) -> gr.Blocks:
    """Lay the page out.

    Args:
        synthesizer: The voice that it begins with.

    Returns:
        The page, its queue set up, ready for `launch` or `mount`.

    Raises:
        InputError: Gradio is not installed.
    """
    gr = _gradio()
    voices = Voices(synthesizer)
    folder = Path(gr.utils.get_upload_folder())
    files = Files(folder)
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(CACHE_CHECK_SECONDS, CACHE_SECONDS),
    ) as demo:
        place(gr, _title(synthesizer))
        for name, lay_out in TABS.items():
            with gr.Tab(name):
                lay_out(gr, voices, files)
    demo.temp_file_sets.append(files.written)
    only_uploads(gr, demo, folder)
    demo.queue(max_size=QUEUE_SIZE, default_concurrency_limit=1, api_open=False)
    return demo


def _title(synthesizer: Synthesizer) -> str:
    facts = synthesizer.voice.facts
    chips = (facts.name, facts.language, f"on {synthesizer.device}")
    shown = " ".join(f'<span class="st-chip">{html.escape(chip)}</span>' for chip in chips)
    return (
        f'<header class="st-title"><h1>{TITLE}</h1><p>Text to mel to wave, along two straight '
        f"paths.</p><div>{shown}</div></header>"
    )


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


def _looks() -> dict[str, Any]:
    """What `launch` and `mount` have in common."""
    from starlette.middleware import Middleware

    theme = (
        _gradio()
        .themes.Default(primary_hue="indigo", neutral_hue="slate", font=FONTS, font_mono=MONO)
        .set(
            # The theme's own grey is too faint to be read with ease.
            body_text_color_subdued="*neutral_500",
            body_text_color_subdued_dark="*neutral_300",
            block_info_text_color="*neutral_500",
            block_info_text_color_dark="*neutral_300",
        )
    )
    script = (HERE / "page.js").read_text(encoding="utf-8")
    return {
        "theme": theme,
        "css": (HERE / "page.css").read_text(encoding="utf-8"),
        "head": f"<script>{script}</script>",
        "show_error": False,
        "ssr_mode": False,
        "max_file_size": UPLOAD_BYTES,
        "footer_links": [],
        "allowed_paths": [],
        "app_kwargs": {"middleware": [Middleware(PlainRanges)]},
    }


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
    try:
        _, address, _ = demo.launch(
            share=False, prevent_thread_lock=True, quiet=True, **_looks(), **options
        )
    except OSError as error:
        raise InputError(f"the demo cannot be served: {error}") from error
    return str(address)


def mount(app: FastAPI, path: str, demo: gr.Blocks) -> FastAPI:
    """Put a page under a path of another application.

    Args:
        app: The application.
        path: Such as "/demo".
        demo: From `build_demo`.

    Returns:
        The application to serve.
    """
    mounted: FastAPI = _gradio().mount_gradio_app(
        app, demo, path, enable_monitoring=False, **_looks()
    )
    return mounted
