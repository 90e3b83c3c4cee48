"""The server's parts put together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from tts.server import errors, routes_facts, routes_speech
from tts.server.engine import Engine
from tts.server.guard import DEMO, Guard
from tts.server.metrics import Metrics
from tts.server.page import docs_page
from tts.server.settings import ServerSettings
from tts.server.shelf import Shelf
from tts.server.state import State
from tts.synthesizer import Synthesizer

TITLE = "StraightTalk"
Mount = Callable[[FastAPI, str], FastAPI]


def create_app(
    synthesizer: Synthesizer,
    settings: ServerSettings | None = None,
    *,
    version: str = "0",
    mount_demo: Mount | None = None,
) -> FastAPI:
    """A server of one default voice.

    Args:
        synthesizer: The voice.
        settings: What is allowed.
        version: Of StraightTalk.
        mount_demo: Puts the demo under a path of the server.

    Returns:
        The application; its end closes the thread that speaks.
    """
    settings = settings or ServerSettings()
    metrics = Metrics()
    engine = Engine(settings.queue_size, settings.batch_size, metrics.batch_size.observe)
    metrics.watch_queue(lambda: engine.taken)
    shelf = Shelf(synthesizer, str(synthesizer.device), settings.loaded_voices)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(engine.close)

    app = FastAPI(
        title=TITLE,
        version=version,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.parts = State(settings, shelf, engine, metrics, version, int(time.time()))
    app.include_router(routes_speech.router)
    app.include_router(routes_facts.router)
    _add_pages(app, DEMO if mount_demo else "/docs")
    app.add_exception_handler(errors.ApiError, errors.on_api_error)
    app.add_exception_handler(HTTPException, errors.on_http_error)
    app.add_exception_handler(RequestValidationError, errors.on_validation_error)
    app.add_middleware(partial(Guard, settings=settings, metrics=metrics))
    return mount_demo(app, DEMO) if mount_demo else app


def _add_pages(app: FastAPI, home: str) -> None:
    @app.get("/", include_in_schema=False)
    async def start(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{request.scope.get('root_path', '')}{home}")

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi(), str(request.base_url).rstrip("/")))
