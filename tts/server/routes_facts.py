"""Models, voices, health, metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from tts.server.errors import ApiError, documented
from tts.server.metrics import Metrics
from tts.server.schema import MODELS, Health, Model, ModelList, VoiceList
from tts.server.state import state_of

router = APIRouter()


@router.get("/v1/models", operation_id="models", summary="Models", responses=documented())
async def models(request: Request) -> ModelList:
    """The model, and the names of OpenAI's that stand for it."""
    created = state_of(request).started
    return ModelList(data=[Model(id=name, created=created) for name in MODELS])


@router.get(
    "/v1/models/{model}", operation_id="model", summary="One model", responses=documented(404, 422)
)
async def model(model: str, request: Request) -> Model:
    """One of them."""
    if model not in MODELS:
        sentence = f"unknown model {model[:80]!r}; allowed: {', '.join(MODELS)}"
        raise ApiError(404, sentence, param="model", code="model_not_found")
    return Model(id=model, created=state_of(request).started)


@router.get("/v1/audio/voices", operation_id="voices", summary="Voices", responses=documented())
def voices(request: Request) -> VoiceList:
    """The voices, and the speakers of those that have several."""
    return VoiceList(voices=state_of(request).shelf.facts())


@router.get("/health", operation_id="health", summary="Health")
@router.get("/healthz", include_in_schema=False)
async def health(request: Request) -> Health:
    """How the server is; needs no key."""
    state = state_of(request)
    return Health(
        status="ok" if state.engine.alive else "ending",
        version=state.version,
        device=str(state.shelf.default.device),
        queue=state.engine.taken,
        queue_size=state.engine.queue_size,
    )


@router.get("/readyz", include_in_schema=False)
async def ready(request: Request, response: Response) -> Health:
    """The same, with status 503 when nothing will be said any more."""
    found = await health(request)
    response.status_code = 200 if found.status == "ok" else 503
    return found


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Numbers for Prometheus",
    response_class=Response,
    responses={
        **documented(),
        200: {"content": {Metrics.content_type: {"schema": {"type": "string"}}}},
    },
)
async def metrics(request: Request) -> Response:
    """Requests, seconds, batches, the queue."""
    return Response(state_of(request).metrics.text(), media_type=Metrics.content_type)
