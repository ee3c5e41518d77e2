"""`tidegate slurm check`: everything that can be tried without changing anything, and what was found."""

from collections.abc import Iterator
from typing import NamedTuple

from ...trained.durable import probe
from .backend import Backend, Sight, look
from .book import Book
from .gate import waits_for_router
from .reading import UnreadableError
from .router import RouterClient
from .standing import World
from .wire import AwayError


class Finding(NamedTuple):
    """One thing that was tried."""

    what: str
    found: str
    is_right: bool = True


def findings(world: World, slurm: Backend, router: RouterClient, now: float) -> Iterator[Finding]:
    """Slurm, its partitions and machines, the router, the file of the state."""
    settings = world.settings
    yield Finding("scenario", f"{world.scenario.name}, at the router {world.cluster}")
    yield _state(world)
    yield _router(router, settings.router.timeout_seconds)
    try:
        sight = look(settings, slurm)
    except AwayError as error:
        yield Finding("Slurm", str(error), False)
        return
    for cluster, reason in sight.away.items():
        yield Finding(f"cluster {cluster}", reason, False)
    for cluster in sight.nodes:
        yield from _partitions(world, slurm, cluster)
    if settings.is_federation:
        yield _federation(world, sight)
    yield from _sites(world, sight, now)


def _state(world: World) -> Finding:
    path = world.settings.state
    try:
        probe(path)
    except OSError as error:
        return Finding("state", f"{path} cannot be written: {error.strerror}", False)
    return Finding("state", f"{path} can be written")


def _router(router: RouterClient, seconds: float) -> Finding:
    try:
        is_ready = router.is_ready(seconds)
    except AwayError as error:
        return Finding("router", str(error), False)
    return Finding("router", "is ready" if is_ready else "is there, and not ready before it is told of the cluster")


def _partitions(world: World, slurm: Backend, cluster: str) -> Iterator[Finding]:
    """The gate is DOWN; every cluster of a federation has the partitions of all: updates are checked at the origin."""
    settings = world.settings
    wanted = [one.partition for one in settings.sites if one.cluster == cluster or settings.is_federation]
    for name in dict.fromkeys([settings.gate.partition, *wanted]):
        is_gate, what = name == settings.gate.partition, f"partition {name} of {cluster}"
        try:
            state = slurm.gate(cluster, name)
        except (AwayError, UnreadableError) as error:
            yield Finding(what, str(error), False)
            continue
        if not state:
            yield Finding(what, "is not there", False)
        elif is_gate and state != "DOWN":
            yield Finding(what, f"is {state}: jobs start in the gate; set State=DOWN", False)
        else:
            yield Finding(what, f"is {state}" + (", as a gate should be" if is_gate else ""))


def _federation(world: World, sight: Sight) -> Finding:
    """Jobs that are in no federation stay in their cluster."""
    alone = [job.key for job in sight.jobs if waits_for_router(job, world.settings) and not job.viable]
    if alone:
        return Finding("federation", f"jobs in the gate that are in none: {', '.join(alone[:5])}", False)
    return Finding("federation", "no job in the gate is outside of it")


def _sites(world: World, sight: Sight, now: float) -> Iterator[Finding]:
    """Machines of each site, and what waits in the gate."""
    settings, standing = world.settings, world.stand(sight, Book(), now)
    owners: dict[tuple[str, str], str] = {}
    for place in settings.sites:
        nodes = [one for one in sight.nodes.get(place.cluster, ()) if place.partition in one.partitions]
        shared = sorted({owners[key] for one in nodes if (key := (place.cluster, one.name)) in owners})
        owners |= {(place.cluster, one.name): place.name for one in nodes}
        supply, scenario = standing.sites[place.name], world.sites[place.name]
        told = f"{len(nodes)} nodes, {supply.capacity} of {supply.largest} accelerators there, {supply.running} in use"
        if shared:
            yield Finding(f"site {place.name}", f"shares nodes with {', '.join(shared)}: they would count twice", False)
        elif not supply.largest:
            yield Finding(f"site {place.name}", f"{told}: no node declares gres/{settings.gres}", False)
        else:
            yield Finding(f"site {place.name}", f"{told}; the scenario begins with {scenario.capacity}")
    waiting = [job for job in sight.jobs if waits_for_router(job, settings)]
    held = [job for job in sight.jobs if job.partition == settings.gate.partition and job.is_held]
    users = sum(not waits_for_router(job, settings) for job in held if job.state == "pending")
    yield Finding("gate", f"{len(waiting)} jobs wait for the router, {users} are held by their users or the operators")
