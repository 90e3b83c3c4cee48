"""Who may come in, with how much, in what time."""

from __future__ import annotations

import base64
import json
import socket
import time

import pytest

from tests.tts.server.conftest import error_of, serving
from tts.server.guard import OPEN_PATHS

KEY = "a-key-of-good-length"
BODY = b'{"input": "Hi."}'


def raw(served, head, body=b"", seconds=20.0):
    """What the server answers to bytes, until it closes the connection."""
    host, port = served.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as stream:
        stream.sendall(head + body)
        answer = b""
        try:
            while chunk := stream.recv(1 << 16):
                answer += chunk
        except ConnectionResetError:
            pass
    return answer


def test_large_body_is_refused_before_it_is_sent(server):
    """A declared two gigabytes get their 413 though not a byte of them was sent."""
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = raw(server, head + b"Content-Length: 2147483648\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["code"] == "too_large"


def test_endless_body_is_refused_while_it_comes(server):
    """Without a declared length it is counted; a gigabyte is not read to its end."""
    sent = 0

    def gigabyte():
        nonlocal sent
        for _ in range(1 << 14):
            sent += 1 << 16
            yield b" " * (1 << 16)

    import httpx

    headers = {"Content-Type": "application/json"}
    with server.client() as client:
        try:
            answer = client.post("/v1/audio/speech", content=gigabyte(), headers=headers)
            assert answer.status_code == 413
        except httpx.WriteError:
            # The server has closed the connection on us.
            pass
    assert sent < 64 << 20


@pytest.mark.parametrize("size", [65536, 65537])
def test_body_limit_is_exact(server, size):
    """64 KiB are read, one byte more is not."""
    content = BODY + b" " * (size - len(BODY))
    with server.client() as client:
        headers = {"Content-Type": "application/json"}
        answer = client.post("/v1/audio/speech", content=content, headers=headers)
    assert answer.status_code == (200 if size == 65536 else 413)


def test_slow_senders_are_sent_away(voice):
    """A head or a body that drips in does not hold its connection."""
    with serving(voice, body_seconds=0.5) as served:
        began = time.monotonic()
        assert raw(served, b"POST /v1/audio/sp") == b""
        assert time.monotonic() - began < 15
        head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        answer = raw(served, head + b"Content-Length: 100\r\n\r\n", BODY)
        assert answer.startswith(b"HTTP/1.1 408 ")
        # One that has been answered must not dawdle with its next request either.
        answer = raw(served, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /hea")
        assert answer.count(b"HTTP/1.1") == 1
        assert served.speak("Hi.").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Range: bytes=" + ",".join("0-" for _ in range(1000)), "Transfer-Encoding: gzip, chunked",
        "Content-Length: -1", "Content-Length: 5\r\nContent-Length: 6", "X: " + "x" * 20000,
        "Host: y", "Expect: 200-maybe", "Cookie: \xff",
    ],
)  # fmt: skip
def test_odd_headers_do_no_harm(server, header):
    """An answer below 500, or a closed connection, within seconds; the rest lives on."""
    head = f"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n"
    answer = raw(server, head.encode("latin-1"))
    assert not answer or b" 200 " in answer[:20] or b" 4" in answer[:20]
    with server.client() as client:
        assert client.get("/health").status_code == 200


def test_every_route_but_health_wants_the_key(voice):
    """A walk over all routes, mounted ones and websockets too."""
    with serving(voice, mount_demo=mount_a_page, api_key=KEY) as served:
        paths = list(paths_of(served.app.routes))
        assert {"/v1/audio/speech", "/metrics", "/docs", "/openapi.json", "/demo"} <= set(paths)
        with served.client() as client:
            for path in paths:
                path = path.replace("{model}", "tts-1")
                for method in ("GET", "POST", "OPTIONS"):
                    status = client.request(method, path).status_code
                    assert (status != 401) == (path in OPEN_PATHS), (method, path)
            error_of(client.get("/demo/page"), 401)
            assert client.get("/health").json()["status"] == "ok"
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        head = f"GET /demo/socket HTTP/1.1\r\nHost: x\r\n{upgrade}Sec-WebSocket-Key: eA==\r\n\r\n"
        assert b" 101 " not in raw(served, head.encode())[:20]


def paths_of(routes):
    for route in routes:
        # FastAPI keeps what a router brings in one entry.
        inner = getattr(route, "original_router", None)
        yield from paths_of(inner.routes) if inner else [route.path]


def mount_a_page(app, path):
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    async def page(request):
        return PlainTextResponse("a page")

    app.router.routes.append(Mount(path, routes=[Route("/page", page)]))
    return app


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {KEY}", 200), (f"bearer {KEY}", 200), (f"Bearer {KEY}x", 401),
        (f"Bearer {KEY[:-1]}", 401), ("Bearer", 401), ("", 401), (KEY, 401), ("Bearer é", 401),
        ("Basic " + base64.b64encode(f"me:{KEY}".encode()).decode(), 200),
        ("Basic " + base64.b64encode(b"me:no").decode(), 401), ("Basic !", 401),
    ],
)  # fmt: skip
def test_key_is_a_bearers_or_a_browsers(keyed, header, status):
    """As programs send it, or as a browser asks for it."""
    headers = [(b"Authorization", header.encode())]
    with keyed.client() as client:
        answer = client.get("/v1/models", headers=headers)
    assert answer.status_code == status
    if status == 401:
        error = error_of(answer, 401)
        assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
        assert "Basic" in answer.headers["www-authenticate"]
        assert KEY not in answer.text


@pytest.fixture(scope="module")
def keyed(voice):
    with serving(voice, api_key=KEY) as served:
        yield served


def test_keys_are_compared_in_constant_time(keyed, monkeypatch):
    """By the function that is made for it, on every request."""
    import hmac

    compared = []
    real = hmac.compare_digest

    def noted(given, wanted):
        compared.append((given, wanted))
        return real(given, wanted)

    monkeypatch.setattr("tts.server.guard.hmac.compare_digest", noted)
    with keyed.client() as client:
        client.get("/v1/models", headers={"Authorization": "Bearer nearly"})
    assert compared == [(b"nearly", KEY.encode())]


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8000", 200), ("localhost", 200), ("[::1]:8000", 200), ("LOCALHOST:1", 200),
     ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421)],
)  # fmt: skip
def test_only_known_names_are_answered(voice, host, status):
    """A name that a page elsewhere points at this machine is refused."""
    with serving(voice, allowed_hosts=("127.0.0.1", "localhost", "::1")) as served:
        answer = raw(
            served, f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        )
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


def test_no_page_elsewhere_may_read_answers(server):
    """No CORS headers, whatever is asked."""
    with server.client() as client:
        for method in ("GET", "OPTIONS"):
            headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
            answer = client.request(method, "/v1/models", headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert "server" not in answer.headers
