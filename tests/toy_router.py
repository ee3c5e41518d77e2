"""Clusters as a router is told of them, the policy that ships for them, and a router without processes beside it."""

import asyncio
import http.client
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.agents.evaluation.policies import TRAINED, resolve
from tidegate.agents.router import standing
from tidegate.agents.router.admission import Limits
from tidegate.agents.router.audit import Log
from tidegate.agents.router.request import Request
from tidegate.agents.router.service import Service
from tidegate.agents.router.standing import Beside
from tidegate.envs.generator import generate
from tidegate.envs.present import taken
from tidegate.envs.scenario import Scenario, load
from tidegate.envs.snapshot import JobNow, Snapshot
from tidegate.fastsim.advance import OFFERED
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.units import DAY
from tidegate.fastsim.worlds import Worlds
from tidegate.trained.bundle import Bundle
from tidegate.trained.bundle import load as load_bundle

NAME, DAYS, AHEAD = "small_team", 9, 3
NO_ANSWER = np.array([-1])


@lru_cache
def scenario() -> Scenario:
    return load(NAME)


@lru_cache
def bundle(name: str = NAME) -> Bundle:
    return load_bundle(TRAINED / name)


@lru_cache
def rule() -> Agent:
    found = resolve("best-tuned", scenario())
    assert isinstance(found, Agent)
    return found


def at_offers(seed: int = 3) -> Worlds:
    """A simulated cluster after some days, at its next offer."""
    worlds = Worlds(scenario().compile(seed=seed), generate(scenario(), seed, 0, DAYS + AHEAD), 1)
    worlds.begin(0, seed=seed)
    worlds.play(rule(), DAYS * DAY)
    step(worlds, NO_ANSWER)
    return worlds


def step(worlds: Worlds, actions: np.ndarray) -> bool:
    """Answer, and come to the next offer; whether there is one."""
    while True:
        worlds.run(actions, rule(), np.array([(DAYS + AHEAD) * DAY]), 0, observes=True)
        if not worlds.make_room():
            return worlds.status[0] == OFFERED
        actions = NO_ANSWER


@lru_cache
def snapshot(seed: int = 3) -> Snapshot:
    return taken(at_offers(seed), scenario())


def content(seed: int = 3) -> bytes:
    """The same as JSON."""
    return snapshot(seed).model_dump_json().encode()


@lru_cache
def _alone() -> list[JobNow]:
    """Jobs that wait in the snapshot and are in no pipeline, as if they had just come."""
    kept = {"id", "job_class", "gang", "requested_ms", "priority", "tags", "native", "data"}
    now = {"status": "new", "submitted_ms": snapshot().now_ms, "ready_ms": snapshot().now_ms}
    known = snapshot().jobs
    waiting = [one for one in known if one.pipeline is None and one.status in ("new", "queued", "held")]
    waiting = [one for one in waiting if one.serves_until_ms is None]
    return [JobNow(**one.model_dump(include=kept), **now) for one in waiting]


def job(name: str, like: int = -1) -> JobNow:
    """A job that has just come."""
    return _alone()[like].model_copy(update={"id": name})


def asked(name: str, attempt: int = 1, like: int = -1) -> Request:
    return Request(id=name, attempt=attempt, job=job(name, like))


def question(*requests: Request, cluster: str = NAME) -> bytes:
    """A body for /v1/route."""
    listed = [json.loads(one.model_dump_json(exclude_defaults=True)) for one in requests]
    return json.dumps({"cluster": cluster, "requests": listed}).encode()


def service(path: Path, *, limits: Limits | None = None, judges: bool = False, policy: Bundle | None = None) -> Service:
    """A router whose other processes are a thread."""
    standing.know(scenario(), "best-tuned", NAME)
    pool = ThreadPoolExecutor(1)
    return Service(
        NAME,
        scenario(),
        policy or bundle(),
        rule(),
        Log(path),
        quotas={},
        limits=limits or Limits(),
        standing=Beside(lambda: pool),
        judging=Beside(lambda: pool) if judges else None,
    )


def run(path: Path, body: Callable[[Service], Any], **options: Any) -> Any:
    """What `body`, a coroutine function, comes to with a router that has a state."""

    async def within() -> Any:
        router = service(path, **options)
        try:
            await router.take_state(content())
            return await body(router)
        finally:
            router.close()

    return asyncio.run(within())


class Client(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("router", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))

    def __del__(self) -> None:
        self.close()

    def call(self, verb: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """Status and content."""
        self.request(verb, path, body, headers)
        answer = self.getresponse()
        found = answer.read()
        is_json = "json" in (answer.getheader("content-type") or "")
        return answer.status, json.loads(found) if is_json else found
