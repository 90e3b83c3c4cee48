"""The demo on the server gives nothing away."""

from __future__ import annotations

import importlib.util
import json

import pytest

from tests.tts.server.conftest import serving
from tts.cli.serving import _demo

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gradio") is None, reason="the extra `demo` is not installed"
)


@pytest.fixture(scope="module")
def page(voice, tmp_path_factory):
    """A client of a server that runs in a directory with a file that is nobody's business."""
    directory = tmp_path_factory.mktemp("cwd")
    (directory / "secret.txt").write_text("hush")
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


def test_demo_speaks_beside_the_server(page):
    """Its own queue, the same voice."""
    config = page.get("/demo/config").json()
    (number,) = (d["id"] for d in config["dependencies"] if d["api_name"] == "speak")
    data = ["Hello.", None, None, None, 1.0, 0.667, 1, 1, 0]
    body = {"data": data, "fn_index": number, "session_hash": "s1"}
    assert page.post("/demo/gradio_api/queue/join", json=body).status_code == 200
    with page.stream("GET", "/demo/gradio_api/queue/data?session_hash=s1") as stream:
        events = [json.loads(line[5:]) for line in stream.iter_lines() if line[:5] == "data:"]
    (done,) = (event for event in events if event["msg"] == "process_completed")
    assert done["success"]


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
