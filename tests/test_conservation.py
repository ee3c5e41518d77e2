"""Nothing is lost and nothing comes from nowhere, after every event, when everything happens at once.

A swarm of worlds (swarm.py) is played under agents that place, hold and move jobs at random; auditors (auditor/) read
every row of the log, and the kernel's own state is inspected between instants. `TIDEGATE_SWARM_EVENTS` says how many
rows; a failure names the scene's seed and the row.
"""

import os
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest

from tidegate.fastsim.ledger import FEE, SHORTFALL, UNUSED, USED
from tidegate.fastsim.log import CANCEL, EVICT, FINISH, KILL, KINDS, POST, PREEMPT, START
from tidegate.fastsim.spec import SiteTable
from tidegate.fastsim.units import HOUR
from tidegate.fastsim.worlds import Totals, Worlds

from . import inspector
from .auditor import money, order, places, work
from .kernel_worlds import keyed_agent
from .swarm import Scene, scene

EVENTS = int(os.environ.get("TIDEGATE_SWARM_EVENTS", "20000000"))
STOPS = 16  # times that a scene is stopped and the kernel's state inspected
SIZES = (1000, 1000, 1000, 4000)  # jobs of a scene
RUN_ENDS = (FINISH, KILL, CANCEL, EVICT, PREEMPT)

COUNTED = {  # in the kernel's state, and by an auditor
    "decisions": places.OFFERED,
    "illegal": places.REPLACED,
    "moves": places.MOVED,
    "preemptions": places.PREEMPTED,
    "failed": places.FAILED,
    "denied": places.DENIED,
    "written_off": places.WRITTEN,
    "killed": places.KILLED,
    "missed": places.MISSED,
}


class Audit:
    """All auditors of one world, and what they have met."""

    def __init__(self, played: Scene, worlds: Worlds) -> None:
        self.scene, self.worlds = played, worlds
        self.rows, self.most = 0, 0  # rows read, jobs that were there at once
        spec, jobs = worlds.spec, worlds.jobs
        self.order = order.new_book(spec), np.zeros(len(jobs), np.int64)
        self.places = places.new_book(spec), places.new_tracks(jobs)
        self.work = work.new_book(), work.new_tracks(jobs)
        self.money = money.new_book(spec), money.new_tracks(jobs)
        self.read_by = ((order, self.order), (places, self.places), (work, self.work), (money, self.money))

    def read(self, rows: np.ndarray) -> str:
        """What is wrong with the next rows, or nothing."""
        for auditor, (book, tracks) in self.read_by:
            row, broken = auditor.read(self.worlds.spec, self.worlds.jobs, book, tracks, rows)
            if broken:
                return self.told(auditor.BROKEN[broken], rows, row)
        self.rows += len(rows)
        return ""

    def told(self, what: str, rows: np.ndarray, row: int) -> str:
        """A violation, with what came before."""
        before = [
            f"{KINDS[kind - 1]} {rest}" for kind, *rest in rows[max(0, row - 8) : row + 1, [1, 0, 2, 3, 4]].tolist()
        ]
        return f"scene {self.scene.seed} ({len(self.worlds.jobs)} jobs), row {self.rows + row}: {what}: {before}"

    def close(self, now: int) -> str:
        """What is open that should not be, or nothing."""
        spec, jobs = self.worlds.spec, self.worlds.jobs
        broken = [
            places.BROKEN[places.close(spec, jobs, *self.places, now)],
            work.BROKEN[work.close(spec, jobs, *self.work, now)],
            money.BROKEN[money.close(spec, self.money[0], now)],
            ""
            if order.is_complete(spec, jobs, self.order[0], int(self.places[0][0].next_job), now)
            else "not all came",
        ]
        return ", ".join(f"scene {self.scene.seed} at {now}: {what}" for what in broken if what)

    def faults(self) -> Counter[str]:
        """What has happened so often."""
        met: Counter[str] = Counter()
        for auditor, (book, _) in self.read_by:
            met.update(dict(zip(auditor.FAULTS, book[0].faults.tolist(), strict=True)))
        return met


def played(seed: int, size: int, stops: int = STOPS) -> Audit:
    """A scene that was played to its end, with every row audited and the kernel's state inspected at every stop."""
    drawn = scene(seed, size)
    worlds = drawn.begun(slots=256, results=True)
    audit = Audit(drawn, worlds)
    rows = 0
    for stop in range(1, stops + 1):
        worlds.play(keyed_agent(seed), drawn.until * stop // stops)
        found = inspector.BROKEN[inspector.inspect(worlds.spec, worlds.jobs, worlds.batch, 0)]
        assert not found, f"scene {seed} at {worlds.state().now}: the kernel's {found}"
        audit.most = max(audit.most, int(worlds.state().slots - worlds.state().free_slots))
        log = worlds.log()
        found = audit.read(log[rows:])
        assert not found, found
        rows = len(log)
    found = audit.close(drawn.until)
    assert not found, found
    compare_with_the_kernel(audit)
    return audit


def compare_with_the_kernel(audit: Audit) -> None:
    """What the auditors have counted is what the kernel has: accelerators, energy, money, and every job's outcome."""
    worlds, seed = audit.worlds, f"scene {audit.scene.seed}"
    state, sites = worlds.state(), int(worlds.spec.rules[0].sites)
    book, track = audit.places
    assert book[0].occupied[:sites].tolist() == state.occupied[:sites].tolist(), seed
    assert book[0].running[:sites].tolist() == state.metered[:sites].tolist(), seed
    assert book[0].capacity[:sites].tolist() == state.capacity[:sites].tolist(), seed
    there = (state.pending, state.waiting, state.requests, state.finishes)
    states = np.bincount(track.state, minlength=10)
    waits = states[places.HELD] + states[places.QUEUED]
    assert (states[places.PENDING], waits, states[places.STARTING], states[places.RUNNING]) == there, seed
    assert states[places.FINISHED] + states[places.GONE] + sum(there) == state.next_job, seed
    for name, fault in COUNTED.items():
        assert state[name] == book[0].faults[fault], f"{seed}: {name}"
    ledger, track = audit.money
    for name, offset, rate in (
        ("busy", state.busy_offset, state.metered),
        ("supply", state.supply_offset, state.capacity),
    ):
        assert ledger[0][name][:sites].tolist() == (rate * state.now + offset)[:sites].tolist(), f"{seed}: {name}"
    assert Totals(*money.totals(worlds.spec, ledger)) == worlds.totals(), seed
    results = worlds.batch.results[0]
    left = results.outcome != 0
    for name in ("waited", "spent", "penalty"):
        np.testing.assert_array_equal(track[name][left], results[name][left], err_msg=f"{seed}: {name}")
    assert left.sum() == state.next_job - sum(there), seed


@lru_cache(maxsize=1)
def swarm() -> tuple[int, list[int], Counter[str]]:
    """Rows of the whole swarm, the most jobs that were there at once in each scene, and what happened."""
    rows, most, met = 0, [], Counter[str]()
    while rows < EVENTS:
        audit = played(len(most), SIZES[len(most) % len(SIZES)])
        rows += audit.rows
        most.append(audit.most)
        met += audit.faults()
    return rows, most, met


def test_every_promise_holds_after_every_event_of_the_swarm():
    rows, most, _ = swarm()
    print(f"{rows} rows of {len(most)} scenes; jobs at once: {np.percentile(most, [0, 50, 100]).astype(int)}")
    assert rows >= EVENTS and np.median(most) >= 100 and max(most) >= 1000


def test_every_fault_strikes_a_hundred_times():
    met = swarm()[2]
    print(dict(sorted(met.items(), key=lambda item: item[1])))
    names = [name for auditor in (order, places, work, money) for name in auditor.FAULTS]
    rare = {name: met[name] for name in names if met[name] < min(100, EVENTS // 20_000)}
    assert not rare


@dataclass
class Meter:
    """Use of one metered site between its postings, as Python's integers; times in ms."""

    table: SiteTable
    bounds: list[int]  # its price steps and the ends of periods
    use: list[int]  # accelerator-ms before each of them, and since the last

    def run(self, begin: int, end: int, accelerators: int) -> None:
        """A run, piece by piece."""
        for piece in range(bisect_right(self.bounds, begin), bisect_left(self.bounds, end) + 1):
            since = self.bounds[piece - 1] if piece else 0
            until = self.bounds[piece] if piece < len(self.bounds) else end
            self.use[piece] += accelerators * (min(end, until) - max(begin, since))

    def fill(self, begin: int, end: int, accelerators: int, *, is_preempted: bool) -> None:
        """The rest of a run's increment; a preemption comes after what is posted at its instant, other ends before."""
        piece = (bisect_right if is_preempted else bisect_left)(self.bounds, end)
        if self.table.increment:
            self.use[piece] += accelerators * ((begin - end) % self.table.increment)

    def cost(self) -> int:
        """All that is posted and accrued, µ$."""
        prices = dict(self.table.price_steps)
        price, total = self.table.price, 0
        for piece, use in enumerate(self.use):
            price = prices.get(self.bounds[piece - 1], price) if piece else price
            total += use * price // HOUR
        return total


def burst_in_python(audit: Audit) -> int:
    """Metered cost [µ$] from the START and end rows and the schedules alone."""
    table, until = audit.scene.table, audit.scene.until
    periods = range(table.first_period + table.period, until, table.period)
    meters: dict[int, Meter] = {}
    for number, site in enumerate(table.sites):
        if not table.providers[site.provider].take_or_pay:
            bounds = sorted({*periods, *(at for at, _ in site.price_steps if at < until)})
            meters[number] = Meter(site, bounds, [0] * (len(bounds) + 1))
    running: dict[int, tuple[int, int, int]] = {}
    for time, kind, job, site, value in audit.worlds.log().tolist():
        if kind == START:
            running[job] = (site, time, value)
        elif kind in RUN_ENDS and job in running:
            site, begin, accelerators = running.pop(job)
            if site in meters:
                meters[site].run(begin, time, accelerators)
                meters[site].fill(begin, time, accelerators, is_preempted=kind == PREEMPT)
    for site, begin, accelerators in running.values():
        if site in meters:
            meters[site].run(begin, until, accelerators)
    return sum(meter.cost() for meter in meters.values())


@pytest.mark.parametrize("seed", range(8))
def test_metered_cost_is_what_pythons_integers_say(seed):
    audit = played(seed, 1000)
    assert burst_in_python(audit) == audit.worlds.totals().burst, f"scene {seed}"


def test_the_billed_and_the_effective_view_agree_in_every_period():
    settled = 0
    for seed in range(8):
        log = played(seed, 1000).worlds.log()
        posted: Counter[tuple[int, int]] = Counter()  # billed less effective, by time and provider
        for time, _, provider, account, amount in log[log[:, 1] == POST].tolist():
            sign = {FEE: 1, SHORTFALL: 1, USED: -1, UNUSED: -1}.get(account, 0)
            posted[time, provider] += sign * amount
            settled += sign != 0
        assert not any(posted.values()), f"scene {seed}"
    assert settled > 100


TAMPERINGS = ("removed", "doubled", "another value", "another subject", "another place", "a millisecond later")
# To know whose turn it is, or when these are due, takes a simulator: the reference
BEYOND_AUDIT = {"another subject": ("OFFER",), "a millisecond later": ("OFFER", "FAIL", "REQUEST")}


def tampered(log: np.ndarray, row: int, how: str) -> np.ndarray:
    """A log in which one row is not what it was."""
    if how == "removed":
        return np.delete(log, row, axis=0)
    if how == "doubled":
        return np.insert(log, row, log[row], axis=0)
    false = log.copy()
    column = {"another value": 4, "another subject": 2, "another place": 3, "a millisecond later": 0}[how]
    false[row, column] += 1
    return false


def is_seen(audit: Audit, log: np.ndarray) -> bool:
    """Whether auditors of the same world find a log wrong."""
    auditors = Audit(audit.scene, audit.worlds)
    if auditors.read(log) or auditors.close(audit.scene.until):
        return True
    try:
        compare_with_the_kernel(auditors)
    except AssertionError:
        return True
    return False


def unseen(seed: int, how: str) -> Iterator[str]:
    """Rows of a scene, three of each kind, that may be false without being found out."""
    audit, random = played(seed, 1000), np.random.default_rng(seed)
    log = audit.worlds.log()
    for kind, name in enumerate(KINDS, 1):
        if name not in BEYOND_AUDIT.get(how, ()):
            rows = np.flatnonzero(log[:, 1] == kind)
            for row in random.choice(rows, min(3, len(rows)), replace=False).tolist():
                if not is_seen(audit, tampered(log, row, how)):
                    yield f"scene {seed}, row {row}: {name} {log[row].tolist()}"


@pytest.mark.parametrize("how", TAMPERINGS)
def test_auditors_find_any_row_that_is_not_what_it_was(how):
    assert [row for seed in (2, 6, 11) for row in unseen(seed, how)] == []
