"""`straighttalk demo`: the page in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli import flags

EXAMPLES = """
Show the demo in the browser: speak, watch the flow, copy recordings.

Examples:

  straighttalk demo

  straighttalk demo --voice kathleen --port 8080
"""

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one from 7860.")]
RootPath = Annotated[str, typer.Option(help="Path under which a proxy shows it.")]


def demo(
    voice: flags.Voice = None,
    device: flags.Device = "auto",
    host: Host = "127.0.0.1",
    port: Port = 7860,
    root_path: RootPath = "",
    debug: flags.Debug = False,
) -> None:
    """Show the demo in the browser."""
    from tts.cli.messages import tell
    from tts.demo.page import build_demo, launch
    from tts.synthesizer import Synthesizer

    page = build_demo(Synthesizer.from_pretrained(voice, device=device))
    address = launch(page, server_name=host, server_port=port or None, root_path=root_path or None)
    if host not in ("127.0.0.1", "localhost", "::1"):
        tell(f"Whoever can reach {host} can use this page.")
    tell(f"Serving {address} (Ctrl-C ends)")
    page.block_thread()
