"""The process of a router: its sockets, what it watches, and how it ends.

SIGTERM and Ctrl-C drain it: it is no longer ready, what has been asked is answered, the log is closed. SIGHUP, a POST
to /v1/reload, or a changed manifest.json makes it look at its bundle again: a sound one takes over between two
questions; anything else is noted, counted, and leaves the last good one where it is.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.observe import CLOCK_FEATURES, JOB_FEATURES, SITE_FEATURES
from ...trained.bundle import MANIFEST, Bundle, load
from ..evaluation.policies import resolve
from .admission import Limits
from .app import app_of
from .audit import Log
from .service import Service
from .standing import Beside, is_up, workers
from .whole import Protocol

LOOK_SECONDS = 1.0  # between looks at the bundle
DRAIN_SECONDS = 10
BACKLOG = 1024
COLLECT = (5_000, 50, 100)  # thresholds of garbage: the first looks through so many objects, in a millisecond
SWITCH_SECONDS = 0.0001  # for which a thread that takes in a state may keep decisions waiting
Tell = Callable[[dict[str, Any]], Any]  # takes where the router listens


@dataclass(frozen=True)
class Settings:
    """What a router is started with."""

    cluster: str
    scenario: Scenario
    where: str  # the scenario's name or file, beside which its tuned rules lie
    bundle: Path
    baseline: str
    audit: Path
    unix: Path | None = None
    port: int | None = None  # on loopback; 0: any
    token: str | None = None  # for that
    quotas: dict[str, int] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    judges: bool = True


def serve(settings: Settings, tell: Tell) -> None:
    """Run a router until it is told to end. Raises InputError for what it cannot start with."""
    bundle = sound(settings.bundle)
    baseline = baseline_of(settings.baseline, settings.scenario, settings.where)
    log = Log(settings.audit)
    begin = partial(workers, settings.scenario, settings.baseline, settings.where)
    beside = [Beside(begin) for _ in range(1 + settings.judges)]
    try:
        # Whoever is told that it listens may post a state, and is answered at once.
        beside[0].executor.submit(is_up).result()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(settings, bundle, baseline, log, beside, tell))
    finally:
        for one in beside:
            one.close()


def baseline_of(name: str, scenario: Scenario, where: str) -> Agent:
    """The baseline of this name. Raises InputError for one that cannot answer at once."""
    found = resolve(name, scenario, where)
    if not isinstance(found, Agent):
        raise InputError(
            "serve", "baseline", name, "stops to plan, and nobody waits for that", "name a rule or a bundle"
        )
    return found


def sound(path: Path) -> Bundle:
    """The bundle at `path`, if it may be asked about what is observed here. Raises InputError."""
    bundle = load(path)
    names = bundle.manifest.observation
    if (names.job, names.clock, names.site) != (JOB_FEATURES, CLOCK_FEATURES, SITE_FEATURES):
        reason, remedy = "names other features than this version observes", "train and export it again"
        raise InputError(f"bundle {path}", "observation", names.schema_hash[:16], reason, remedy)
    if bundle.envelope is None:
        raise InputError(f"bundle {path}", "file", "envelope.json", "is not in it", "export the policy again")
    return bundle


class Reloader:
    """Takes over the bundle at a path when it is another."""

    def __init__(self, service: Service, path: Path) -> None:
        self._service, self._path, self._seen = service, path, mark(path)
        self._one = asyncio.Lock()

    async def look(self) -> bool:
        """Take over what is there now, if it is sound and not in service; whether it was. Raises InputError."""
        async with self._one:
            self._seen = mark(self._path)
            try:
                bundle = await asyncio.to_thread(sound, self._path)
            except InputError as error:
                self._service.refuse_bundle(error)
                raise
            if bundle.manifest.digest == self._service.engine.bundle.manifest.digest:
                return False
            self._service.take_over(bundle)
            self._service.metrics.reloads.inc()
            return True

    async def watch(self) -> None:
        """Look whenever the manifest has changed."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if mark(self._path) != self._seen:
                with contextlib.suppress(InputError):  # it is counted and noted
                    await self.look()


def mark(path: Path) -> tuple[int, int, int] | None:
    """What tells one manifest from the next; None: there is none."""
    try:
        found = (path / MANIFEST).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


async def _run(settings: Settings, bundle: Bundle, baseline: Agent, log: Log, beside: list[Beside], tell: Tell) -> None:
    standing, judging = beside[0], beside[1] if settings.judges else None
    service = Service(
        settings.cluster,
        settings.scenario,
        bundle,
        baseline,
        log,
        quotas=settings.quotas,
        limits=settings.limits,
        standing=standing,
        judging=judging,
    )
    reloader = Reloader(service, settings.bundle)
    app = app_of(service, settings.token, reloader.look)
    config = uvicorn.Config(
        app,
        http=Protocol,
        proxy_headers=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=BACKLOG,
    )
    sockets = [one for one in (_unix(settings.unix), _tcp(settings.port)) if one is not None]
    server = Server(config, service)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(_look(reloader)))
    watching = asyncio.ensure_future(reloader.watch())
    quieten()
    tell({"cluster": settings.cluster, "bundle": bundle.manifest.name, **_addresses(sockets)})
    own = None if settings.unix is None else settings.unix.stat().st_ino
    try:
        await server.serve(sockets)
    finally:
        watching.cancel()
        await asyncio.to_thread(service.close)
        if settings.unix is not None and settings.unix.exists() and settings.unix.stat().st_ino == own:
            settings.unix.unlink()  # a successor's stays


def quieten() -> None:
    """Let neither garbage nor threads keep decisions waiting for long."""
    gc.collect()
    gc.freeze()  # what is there by now stays, and need not be looked through again and again
    gc.set_threshold(*COLLECT)
    sys.setswitchinterval(SWITCH_SECONDS)


async def _look(reloader: Reloader) -> None:
    with contextlib.suppress(InputError):  # it is counted and noted
        await reloader.look()


class Server(uvicorn.Server):
    """Uvicorn's, which says that it is no longer ready before it stops to listen."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal that ends it has then done its work, and is not raised again."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: no questions any more, answers to those that have come."""
        self._service.is_ready = False
        await super().shutdown(sockets)


def _unix(path: Path | None) -> socket.socket | None:
    """A socket at `path` that its owner alone may use. Raises InputError."""
    if path is None:
        return None
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket() and not is_answered(path):
            path.unlink()  # of a router that was killed
        before = os.umask(0o177)
        try:
            found.bind(str(path))
        finally:
            os.umask(before)
    except OSError as error:
        found.close()
        raise InputError("serve", "socket", path, f"cannot be used: {error.strerror}", "name another") from error
    found.listen(BACKLOG)
    return found


def is_answered(path: Path) -> bool:
    """Whether somebody listens at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _tcp(port: int | None) -> socket.socket | None:
    """A socket on loopback. Raises InputError."""
    if port is None:
        return None
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(("127.0.0.1", port))
    except OSError as error:
        found.close()
        raise InputError("serve", "port", port, f"cannot be used: {error.strerror}", "name another") from error
    found.listen(BACKLOG)
    return found


def _addresses(sockets: list[socket.socket]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in sockets:
        if one.family == socket.AF_UNIX:
            found["socket"] = one.getsockname()
        else:
            found["port"] = one.getsockname()[1]
    return found
