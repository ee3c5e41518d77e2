"""How a toy is written down.

A world: `world([job(…), …], [site(…), …], …)`, in hours, minutes, seconds and round dollars.
Its event log: a table of text, one row a line, in the five columns of section 9 of the rules,

    1h30m   POST     0    BURST    $12
    2h      START    3    0        8

where a time or a length is `1h30m`, `20s`, `1d` or plain ms; money is `$12` or `$0.25`; `-` is −1; accounts go by name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..reference.world import Job, JobClass, Provider, Site, World

SECOND = 1000  # ms
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DOLLAR = 1_000_000  # µ$
LINK = 1000  # Mb/s between any two providers for which a toy says nothing

KINDS = {
    "FINISH": 1,
    "EVICT": 2,
    "CAPACITY": 3,
    "ANNOUNCE": 4,
    "PRICE": 5,
    "POST": 6,
    "ARRIVE": 7,
    "WRITE_OFF": 8,
    "OFFER": 9,
    "START": 10,
    "FAIL": 11,
    "PREEMPT": 12,
    "REQUEST": 13,
    "DENY": 14,
    "CANCEL": 15,
    "KILL": 16,
    "EXPIRE": 17,
    "MISS": 18,
    "READY": 19,
    "STAGE": 20,
    "WITHDRAW": 21,
}
ACCOUNTS = {
    "FEE": 0,
    "OVERAGE": 1,
    "BURST": 2,
    "USED": 3,
    "UNUSED": 4,
    "DELAY": 5,
    "WRITE_OFF": 6,
    "SHORTFALL": 7,
    "EGRESS": 8,
    "PENALTY": 9,
}
UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1}
LENGTH = re.compile(r"(\d+)(ms|[dhms])")

Row = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Toy:
    """A world, what the router answers in it, and what then happens."""

    world: World
    until: int  # ms
    expected: list[Row]  # the whole event log
    actions: Mapping[int, Sequence[int]] = field(
        default_factory=dict
    )  # job: answers in order, the last repeats; else 0
    totals: Mapping[str, int] = field(default_factory=dict)  # name of a total: µ$ at `until`
    costs: Mapping[int, int] = field(default_factory=dict)  # job that has ended: what its runs have cost, µ$

    def answer(self, job: int, attempt: int) -> int:
        """What the router asks for at the offer number `attempt` (0, 1, …) of a job."""
        answers = self.actions.get(job, (0,))
        return answers[min(attempt, len(answers) - 1)]


def _quantity(word: str) -> int:
    """The number that a word of the table stands for."""
    if word == "-":
        return -1
    if word.startswith("$"):
        dollars, _, cents = word[1:].replace("_", "").partition(".")
        return int(dollars) * DOLLAR + int(cents.ljust(6, "0") or 0)
    if word in ACCOUNTS:
        return ACCOUNTS[word]
    if word[-1].isdigit():
        return int(word)
    parts = LENGTH.findall(word)
    if "".join(number + unit for number, unit in parts) != word:
        raise ValueError(f"{word} is no time, length, amount, account or number")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def rows(table: str) -> list[Row]:
    """The event log that a table stands for."""
    log = []
    for line in table.strip().splitlines():
        time, kind, subject, place, value = line.split("#")[0].split()
        log.append((_quantity(time), KINDS[kind], *map(_quantity, (subject, place, value))))
    return log


def dollars(amount: float) -> int:
    """µ$; of a price, per accelerator-hour."""
    return round(amount * DOLLAR)


def always(length: int) -> list[int]:
    """Quantiles of a length [ms] that is always the same."""
    return [length] * 2048


def job(arrival: int, gang: int, walltime: int, requested: int | None = None, **others: Any) -> Job:
    """A job that asks for its walltime unless something else is said."""
    return Job(arrival, walltime, walltime if requested is None else requested, gang, **others)


def block(arrival: int, gang: int, until: int, **others: Any) -> Job:
    """A block of serving. Its walltime and its requested walltime mean nothing: they are longer than the block."""
    return Job(arrival, 9 * HOUR, 9 * HOUR, gang, until=until, **others)


def site(capacity: int, provider: int = 0, **others: Any) -> Site:
    """A site at $1 per accelerator-hour whose one job class runs at speed 1000."""
    return Site(provider, capacity, **{"price": DOLLAR, "speed": [1000], **others})


def metered(**others: Any) -> Provider:
    """A provider under a metered contract."""
    return Provider("burst", **others)


def take_or_pay(**others: Any) -> Provider:
    """A provider under a contract with a floor."""
    return Provider("committed", **others)


def world(jobs: list[Job], sites: list[Site], **others: Any) -> World:
    """FCFS, no passes, metered providers, one class that waits for nothing, and a billing period that does not end
    soon.
    """
    providers = others.pop("providers", [metered() for _ in range(1 + max(each.provider for each in sites))])
    if len(providers) > 1:
        for provider in providers:
            provider.links = provider.links or [LINK] * len(providers)
    defaults = {
        "classes": [JobClass(0)],
        "offer_interval": 30 * DAY,
        "reoffer_gap": 0,
        "pass_size": 0,
        "max_hold": 30 * DAY,
        "dispatch": "fcfs",
        "first_period": 0,
        "period": 30 * DAY,
        "used_before": [0] * len(sites),
        "delivered_before": [0] * len(sites),
    }
    return World(sites=sites, providers=providers, jobs=jobs, **{**defaults, **others})
