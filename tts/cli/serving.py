"""The work behind `straighttalk serve`."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.config import parse_config
from core.errors import InputError
from tts.cli.flags import version
from tts.cli.messages import tell
from tts.synthesizer import Synthesizer, pick_device

if TYPE_CHECKING:
    from tts.server.app import Mount

KEY = "STRAIGHTTALK_API_KEY"
NEEDED = ("fastapi", "prometheus_client", "uvicorn")
LEAST_KEY_CHARACTERS = 8
GPU_BATCH = 16
WARM_UP = "Ready."


@dataclass(frozen=True)
class Place:
    """Where a server can be found.

    Attributes:
        host: Address to listen on.
        port: Port; 0 for a free one.
        public: Whether everyone may use it who can reach the address.
        allowed_hosts: Names it goes by, with commas; None for the usual ones.
        root_path: Path under which a proxy shows it.
    """

    host: str
    port: int
    public: bool
    allowed_hosts: str | None
    root_path: str


def serve_voice(
    place: Place, voice: str | None, device: str, demo: bool | None, **limits: Any
) -> None:
    """Serve a voice until a signal ends it.

    Args:
        place: Where.
        voice: The default voice.
        device: Where it runs.
        demo: Whether the demo is there; None if it can be.
        **limits: Fields of `ServerSettings`; None takes the default.

    Raises:
        InputError: Something is missing, out of range or not safe.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        install = 'pip install -c constraints.txt ".[serve]"'
        raise InputError(f"the server needs {', '.join(missing)}: {install}")
    from tts.server.app import create_app
    from tts.server.listening import bind, listen, make_server
    from tts.server.logs import set_up_logs
    from tts.server.settings import LOOPBACK, ServerSettings

    local = place.host in LOOPBACK
    key = _key(local or place.public, place.host)
    if limits.get("batch_size") is None and pick_device(device) == "cuda":
        limits["batch_size"] = GPU_BATCH
    chosen = {name: value for name, value in limits.items() if value is not None}
    names = place.allowed_hosts.split(",") if place.allowed_hosts else LOOPBACK if local else ()
    hosts = [name.strip().lower() for name in names]
    settings = parse_config(
        {**chosen, "api_key": key, "allowed_hosts": hosts}, ServerSettings, "the server's options"
    )
    mount = _demo(demo)
    listening = bind(place.host, place.port)
    synthesizer = Synthesizer.from_pretrained(voice, device=device)
    synthesizer.synthesize(WARM_UP)
    set_up_logs()
    app = create_app(
        synthesizer, settings, version=version(), mount_demo=mount and mount(synthesizer)
    )
    server = make_server(app, settings, place.root_path)
    address = f"[{place.host}]" if ":" in place.host else place.host
    port = listening.getsockname()[1]
    tell(f"Serving http://{address}:{port} on {synthesizer.device} (Ctrl-C ends)")
    listen(server, listening)


def _key(optional: bool, host: str) -> str | None:
    key = os.environ.get(KEY) or None
    if key is None and not optional:
        raise InputError(
            f"{host} can be reached by others: set {KEY} to a key that they must show, "
            "or let everyone in with --public"
        )
    if key is not None and len(key) < LEAST_KEY_CHARACTERS:
        raise InputError(f"{KEY} has {len(key)} characters; at least {LEAST_KEY_CHARACTERS}")
    return key


def _demo(wanted: bool | None) -> Callable[[Synthesizer], Mount] | None:
    """What mounts the demo of a voice, or None."""
    if wanted is None:
        wanted = importlib.util.find_spec("gradio") is not None
    if not wanted:
        return None
    from tts.demo.page import build_demo, mount

    def mounted(synthesizer: Synthesizer) -> Mount:
        blocks = build_demo(synthesizer)
        return lambda app, path: mount(app, path, blocks)

    return mounted
