"""The router's HTTP: questions and states, health and metadata (Open Inference Protocol v2), Prometheus.

Whoever comes over the unix socket has been let in by its permissions; over TCP a token is asked for. Bodies are read up
to a limit, and what is wrong with one is told in one form (refusal.py).
"""

import hmac
import math
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ...fastsim.errors import InputError
from .refusal import BAD_REQUEST, NOT_FOUND, TOO_LARGE, UNAUTHORIZED, Refusal, refusal, refused
from .request import parsed
from .service import Answer, Service

ROUTE_LIMIT, STATE_LIMIT = 64 * 1024, 64 * 1024 * 1024  # bytes of a body
RETRY_SECONDS = 1
Endpoint = Callable[[Request], Awaitable[Any]]


def app_of(service: Service, token: str | None, reload: Callable[[], Awaitable[bool]]) -> Starlette:
    """The application; `reload` looks at the bundle again, and says whether it took it over."""

    async def route(request: Request) -> Any:
        began = time.perf_counter()
        answers = await service.route(parsed(await body_of(request, ROUTE_LIMIT)))
        service.metrics.seconds.observe(time.perf_counter() - began)
        return {"cluster": service.name, "decisions": [told(one) for one in answers]}

    async def take_state(request: Request) -> Any:
        return await service.take_state(await body_of(request, STATE_LIMIT))

    async def state(_: Request) -> Any:
        cluster, age = service.cluster, service.age
        known = {"now_ms": cluster.now, "jobs": len(cluster), "age_seconds": age} if cluster is not None else {}
        return {"cluster": service.name, **known, "audited": service.is_audited, "policy": service.gate.told()}

    async def share(request: Request) -> Any:
        try:
            value = orjson.loads(await body_of(request, ROUTE_LIMIT))["share"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise refusal(BAD_REQUEST, "request", "share", "absent", "is asked for", 'send {"share": 0.1}') from None
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            raise refusal(BAD_REQUEST, "request", "share", value, "is no share", "send a number from 0 to 1")
        service.give_share(float(value), "socket" if is_socket(request) else "token")
        return service.gate.told()

    async def look_again(_: Request) -> Any:
        return {"taken_over": await reload(), "bundle": service.engine.bundle.manifest.digest}

    async def ready(_: Request) -> Any:
        return Response(status_code=200 if service.is_ready and service.cluster is not None else 503)

    async def live(_: Request) -> Any:
        return Response(status_code=200)

    async def server(_: Request) -> Any:
        return {"name": "tidegate", "version": version("tidegate"), "extensions": []}

    async def model(request: Request) -> Any:
        require_model(service, request)
        return metadata(service)

    async def model_ready(request: Request) -> Any:
        require_model(service, request)
        return Response(status_code=200)

    async def metrics(_: Request) -> Any:
        service.metrics.waiting.set(service.waiting)
        service.metrics.state_age.set(math.nan if service.age is None else service.age)
        service.metrics.state_jobs.set(0 if service.cluster is None else len(service.cluster))
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    def guarded(endpoint: Endpoint) -> Endpoint:
        """The endpoint, for those who may; what it refuses is told as JSON."""

        async def answer(request: Request) -> Response:
            try:
                require_right(request, token)
                found = await endpoint(request)
            except InputError as error:
                return _refused(refused(error))
            except Refusal as error:
                return _refused(error)
            except ClientDisconnect:
                return Response(status_code=400)
            return found if isinstance(found, Response) else _json(found)

        return answer

    def _refused(error: Refusal) -> Response:
        service.metrics.refusals.labels(str(error.status)).inc()
        headers = {"retry-after": str(RETRY_SECONDS)} if error.status in (429, 503) else {}
        headers |= {"www-authenticate": "Bearer"} if error.status == UNAUTHORIZED else {}
        return _json(error.body, error.status, headers)

    named = "/v2/models/{name}"
    paths = [
        ("/v1/route", route, "POST"),
        ("/v1/state", take_state, "POST"),
        ("/v1/state", state, "GET"),
        ("/v1/share", share, "POST"),
        ("/v1/reload", look_again, "POST"),
        ("/v2", server, "GET"),
        ("/v2/health/live", live, "GET"),
        ("/v2/health/ready", ready, "GET"),
        (named, model, "GET"),
        (f"{named}/ready", model_ready, "GET"),
        ("/metrics", metrics, "GET"),
    ]
    return Starlette(routes=[Route(path, guarded(endpoint), methods=[verb]) for path, endpoint, verb in paths])


async def body_of(request: Request, limit: int) -> bytes:
    """The body, up to so many bytes. Raises Refusal."""
    declared = request.headers.get("content-length", "")
    found = bytearray()
    if not declared.isdigit() or int(declared) <= limit:
        async for part in request.stream():
            found += part
            if len(found) > limit:
                break
        else:
            return bytes(found)
    size = declared or f"{len(found)} and more"
    raise refusal(TOO_LARGE, "request", "bytes", size, f"are more than {limit}", "ask about fewer jobs at once")


def is_socket(request: Request) -> bool:
    """Whether it came over the unix socket."""
    server = request.scope.get("server")
    return server is not None and server[1] is None


def require_right(request: Request, token: str | None) -> None:
    """Raises Refusal for a request over TCP without the token."""
    if is_socket(request):
        return
    given = request.headers.get("authorization", "")
    if token is None or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise refusal(
            UNAUTHORIZED, "request", "authorization", "Bearer", "is not the token", "send it, or use the socket"
        )


def require_model(service: Service, request: Request) -> None:
    """Raises Refusal where another model is meant."""
    name, own = request.path_params["name"], service.engine.bundle.manifest.name
    if name != own:
        raise refusal(NOT_FOUND, "request", "model", name, "is not served", f"use {own}")


def metadata(service: Service) -> dict[str, Any]:
    """The policy's inputs and outputs."""
    manifest, layout = service.engine.bundle.manifest, service.engine.bundle.layout
    return {
        "name": manifest.name,
        "versions": [manifest.digest[:16]],
        "platform": "onnx_onnxv1",
        "inputs": [
            {"name": "observation", "datatype": "FP32", "shape": [-1, layout.size]},
            {"name": "mask", "datatype": "BOOL", "shape": [-1, layout.actions]},
        ],
        "outputs": [
            {"name": "logits", "datatype": "FP32", "shape": [-1, layout.actions]},
            {"name": "action", "datatype": "INT64", "shape": [-1]},
        ],
    }


def told(answer: Answer) -> dict[str, Any]:
    """A decision as JSON."""
    entry, is_audited = answer
    return {
        "id": entry.job,
        "attempt": entry.attempt,
        "action": entry.action,
        "by": entry.by,
        "why": entry.why,
        "policy": entry.policy or None,
        "baseline": entry.baseline,
        "share": entry.share,
        "number": entry.number if is_audited else None,
        "audited": is_audited,
    }


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")
