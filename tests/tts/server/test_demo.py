"""The demo on the server gives nothing away."""

from __future__ import annotations

import importlib.util
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from core.audio.files import write_audio
from tests.tts.server.conftest import serving
from tts.cli.serving import _demo
from tts.demo.limits import QUEUE_SIZE
from tts.demo.page import build_demo

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="the extra `demo` is not installed"
)


@pytest.fixture(scope="module")
def page(voice, tmp_path_factory):
    """A client of a server that runs in a directory with a file that is nobody's business."""
    directory = tmp_path_factory.mktemp("cwd")
    (directory / "secret.txt").write_text("hush")
    write_audio(directory / "private.wav", 0.1 * torch.randn(22050), 22050)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        with serving(voice, mount_demo=_demo(True)(voice)) as served, served.client() as client:
            yield client


def test_demo_is_on_the_server(page):
    """The page is there, asks nothing of other hosts, and `/` leads to it."""
    assert page.get("/").headers["location"] == "/demo"
    answer = page.get("/demo/", follow_redirects=True)
    assert answer.status_code == 200
    for host in ("fonts.googleapis", "fonts.gstatic", "cdnjs", "api.gradio.app"):
        assert f"//{host}" not in answer.text
    config = page.get("/demo/config").json()
    assert not config["analytics_enabled"]
    assert not config.get("share_url")


def ask(page, name, data):
    """The end of what the page's own request for something brings."""
    config = page.get("/demo/config").json()
    (number,) = (d["id"] for d in config["dependencies"] if d["api_name"] == name)
    body = {"data": data, "fn_index": number, "session_hash": secrets.token_hex(4)}
    assert page.post("/demo/gradio_api/queue/join", json=body).status_code == 200
    address = f"/demo/gradio_api/queue/data?session_hash={body['session_hash']}"
    with page.stream("GET", address) as stream:
        events = [json.loads(line[5:]) for line in stream.iter_lines() if line[:5] == "data:"]
    (done,) = (event for event in events if event["msg"] == "process_completed")
    return done


def test_demo_speaks_beside_the_server(page):
    """Its own queue, the same voice."""
    assert ask(page, "speak", ["Hello.", None, None, None, None, 1.0, 0.667, 1, 1, 0])["success"]


@pytest.mark.parametrize("name", ["nobody", "../tiny", "/etc/passwd", "a" * 10_000, "hf://a/b", 5])
def test_choices_that_the_page_does_not_offer_are_refused(page, name):
    """A voice that is not on the list is not looked for, whatever a client sends."""
    done = ask(page, "speak", ["Hello.", name, None, None, None, 1.0, 0.667, 1, 1, 0])
    assert not done["success"]
    assert "root:" not in json.dumps(done)


@pytest.fixture(scope="module")
def elsewhere():
    """Address of another server, and what was asked of it."""
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/a.wav", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "private.wav", "./private.wav", "ABSOLUTE", "UPLOADS/../private.wav",
        "ELSEWHERE", "https://example.com/a.wav", "http://169.254.169.254/", "file:///etc/passwd",
        "\x00", "", "x" * 10_000, None, {"path": "/etc/passwd"},
    ],
    ids=range(14),
)  # fmt: skip
def test_files_of_others_cannot_be_copied(page, elsewhere, path):
    """A recording is what was uploaded: the sound of any other path or address stays unheard, also
    where a client puts it into a field that takes no files."""
    address, asked = elsewhere
    named = {
        "ABSOLUTE": str(Path("private.wav").resolve()),
        "UPLOADS/../private.wav": f"{uploaded(page)}/../../../{Path('private.wav').resolve()}",
        "ELSEWHERE": address,
    }
    file = {"path": named.get(path, path) if isinstance(path, str) else path}
    file |= {"url": address, "meta": {"_type": "gradio.FileData"}}
    for values in ([file, ["tiny"], [1], 0], [None, [file], [1], 0]):
        done = ask(page, "copy", values)
        assert not done["success"]
        assert done["output"] == {**done["output"], "error": "this file was not uploaded here"}
    assert asked == []


def uploaded(page):
    """Path of a recording that was uploaded."""
    files = {"files": ("a.wav", Path("private.wav").read_bytes())}
    (path,) = page.post("/demo/gradio_api/upload", files=files).json()
    return path


def test_what_was_uploaded_can_be_copied(page):
    """As the page itself sends it."""
    file = {"path": uploaded(page), "meta": {"_type": "gradio.FileData"}}
    done = ask(page, "copy", [file, ["tiny"], [1], 0])
    assert done["success"]
    assert "1 copy," in done["output"]["data"][1]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../../../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "secret.txt",
        "./secret.txt", "https://example.com/", "http://169.254.169.254/", "file:///etc/passwd",
        "\\etc\\passwd",
    ],
)  # fmt: skip
def test_demo_serves_no_files(page, path):
    """Not the system's, not the working directory's, not another host's."""
    for route in ("file=", "file/", "stream/"):
        answer = page.get(f"/demo/gradio_api/{route}{path}")
        assert answer.status_code >= 400 or "text/html" in answer.headers["content-type"]
        assert "root:" not in answer.text
        assert "hush" not in answer.text


def test_demo_takes_no_large_upload(page):
    """Refused by its size, before it is read."""
    files = {"files": ("a.wav", b"x" * 10_000_001)}
    assert 400 <= page.post("/demo/gradio_api/upload", files=files).status_code < 500
    headers = {"Content-Length": str(2 << 30), "Content-Type": "multipart/form-data; boundary=x"}
    with pytest.raises(Exception, match=r"Content-Length|disconnected|closed"):
        page.post("/demo/gradio_api/upload", content=b"--x", headers=headers)


@pytest.mark.parametrize("boundary", [b"", b"\r\n" * 1000, b"x" * 5000, b"--x\r\n\r\n\x00"])
def test_demo_survives_a_malformed_upload(page, boundary):
    """Never a 5xx from what a client made up."""
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = page.post("/demo/gradio_api/upload", content=boundary, headers=headers)
    assert answer.status_code < 500


@pytest.mark.parametrize(
    ("ranges", "statuses"),
    [
        ("0-", (206,)), ("0-1", (206,)), ("-1", (206,)), ("5-1", (400, 416)), ("x", (400,)),
        ("9" * 500 + "-", (400, 416)), ("0-1-2", (400,)), ("", (400,)),
        (",".join("0-" for _ in range(5000)), (200, 206, 400, 416, 431)),
    ],
    ids=range(9),
)  # fmt: skip
def test_ranges_of_a_file_keep_nobody_busy(page, recorded, ranges, statuses):
    """A part of a file as browsers ask for it; nonsense is refused; thousands of parts are not
    sent; nothing of a request comes back in the answer's head."""
    began = time.monotonic()
    headers = {"Range": f"bytes={ranges}", "X-Mine": "mine"}
    answer = page.get(f"/demo/gradio_api/file={recorded}", headers=headers)
    assert answer.status_code in statuses
    assert len(answer.content) < 100_000
    assert "x-mine" not in answer.headers
    if ranges == "0-1":
        assert answer.content == b"RI"
    assert time.monotonic() - began < 20


@pytest.fixture(scope="module")
def recorded(page):
    return uploaded(page)


def test_queue_of_the_demo_has_an_end(voice):
    """As many may wait as at the server."""
    assert build_demo(voice)._queue.max_size == QUEUE_SIZE == 32
