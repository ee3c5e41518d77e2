"""Worlds small enough to be worked by hand. An accelerator-ms costs one micro-dollar unless a test says otherwise."""

from typing import Any

from .log import Row
from .world import Job, JobClass, Provider, Site, World

UNIT = 3_600_000  # µ$ per accelerator-hour: 1 µ$ per accelerator-ms
DAY = 86_400_000  # ms


def site(capacity: int, **others: Any) -> Site:
    """A site of provider 0 with one class at speed 1000. A step may be given without `withdrawn`."""
    steps = [(*step, None)[:4] for step in others.pop("steps", [])]
    return Site(**{"provider": 0, "capacity": capacity, "price": UNIT, "speed": [1000], **others, "steps": steps})


def job(arrival: int, gang: int, walltime: int, requested: int | None = None, **others: Any) -> Job:
    """A job that asks for its walltime unless something else is said."""
    return Job(arrival, walltime, walltime if requested is None else requested, gang, **others)


def always(value: int) -> list[int]:
    """The table of a distribution that has one value."""
    return [value] * 2048


def burst(**others: Any) -> Provider:
    """A burst provider."""
    return Provider("burst", **others)


def committed(**others: Any) -> Provider:
    """A committed provider; without a floor of another kind, one of no money."""
    return Provider("committed", **{"floor_money": None if "floor_share" in others else 0, **others})


def world(jobs: list[Job], sites: list[Site], **others: Any) -> World:
    """One burst provider, FCFS, no pass, periods of a day, one class whose delay costs nothing (see `delay_rates`)."""
    rates = others.pop("delay_rates", [0])
    defaults = {
        "providers": [burst()],
        "classes": [JobClass(rate) for rate in rates],
        "offer_interval": DAY,
        "reoffer_gap": 0,
        "pass_size": 0,
        "max_hold": DAY,
        "dispatch": "fcfs",
        "first_period": 0,
        "period": DAY,
        "used_before": [0 for _ in sites],
        "delivered_before": [0 for _ in sites],
    }
    return World(sites=sites, jobs=jobs, **{**defaults, **others})


def first_site(job: int, attempt: int, legal: list[bool]) -> int:
    """Always site 0."""
    return 0


def hold(job: int, attempt: int, legal: list[bool]) -> int:
    """Always hold."""
    return len(legal) - 1


def of_kind(log: list[Row], *kinds: int) -> list[Row]:
    """The rows of some kinds."""
    return [row for row in log if row[1] in kinds]
