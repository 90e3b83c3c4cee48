"""`straighttalk serve`: speech over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from tts.cli import flags

EXAMPLES = """
Serve speech over HTTP, compatible with OpenAI's client libraries.

Examples:

  straighttalk serve

  curl http://127.0.0.1:8000/v1/audio/speech -H "Content-Type: application/json" -d '{"input": "Hello."}' -o hello.mp3

  STRAIGHTTALK_API_KEY=secret straighttalk serve --host 0.0.0.0
"""  # noqa: E501

Host = Annotated[str, typer.Option(envvar="STRAIGHTTALK_HOST", help="Address to listen on.")]
Port = Annotated[
    int,
    typer.Option(envvar="STRAIGHTTALK_PORT", min=0, max=65535, help="Port; 0 takes a free one."),
]
Public = Annotated[
    bool,
    typer.Option(help="Without $STRAIGHTTALK_API_KEY, serve everyone who can reach --host."),
]
AllowedHosts = Annotated[
    str | None,
    typer.Option(
        envvar="STRAIGHTTALK_ALLOWED_HOSTS",
        help="Names clients may call the server by, with commas. Default: this machine's on "
        "loopback, else any.",
    ),
]
RootPath = Annotated[
    str,
    typer.Option(envvar="STRAIGHTTALK_ROOT_PATH", help="Path under which a proxy shows it."),
]
MaxCharacters = Annotated[
    int, typer.Option(envvar="STRAIGHTTALK_MAX_CHARACTERS", help="Longest text of a request.")
]
QueueSize = Annotated[
    int,
    typer.Option(
        envvar="STRAIGHTTALK_QUEUE_SIZE", help="Requests at a time; others are told to come back."
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        envvar="STRAIGHTTALK_BATCH_SIZE",
        help="Sentences of different requests made together. Default: 4, on a GPU 16.",
    ),
]
Demo = Annotated[
    bool | None, typer.Option(help="Show the demo at /demo. Default: if Gradio is installed.")
]
LogTexts = Annotated[
    bool, typer.Option(envvar="STRAIGHTTALK_LOG_TEXTS", help="Write texts to the log.")
]
Device = Annotated[str, typer.Option(envvar="STRAIGHTTALK_DEVICE", help="auto, cpu, cuda or mps.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    public: Public = False,
    voice: flags.Voice = None,
    device: Device = "auto",
    allowed_hosts: AllowedHosts = None,
    root_path: RootPath = "",
    max_characters: MaxCharacters = 4096,
    queue_size: QueueSize = 32,
    batch_size: BatchSize = None,
    demo: Demo = None,
    log_texts: LogTexts = False,
    debug: flags.Debug = False,
) -> None:
    """Serve speech over HTTP."""
    from tts.cli.serving import Place, serve_voice

    serve_voice(
        Place(host, port, public, allowed_hosts, root_path),
        voice,
        device,
        demo,
        max_characters=max_characters,
        queue_size=queue_size,
        batch_size=batch_size,
        log_texts=log_texts,
    )
