"""Every toy world in the kernel and in the reference simulator: what was worked out by hand, row by row."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest

from tidegate.fastsim.agent import Agent, chooser
from tidegate.fastsim.offers import offered_slot

from .kernel_worlds import begun
from .reference.simulator import run
from .toy_worlds import (
    contracts,
    failures,
    footprint,
    meters,
    offers,
    pipelines,
    preemption,
    requests,
    runs,
    serving,
    staging,
    supply,
    timers,
)
from .toy_worlds.notation import ACCOUNTS, KINDS, Row, Toy

MODULES = (
    supply,
    footprint,
    meters,
    offers,
    requests,
    runs,
    failures,
    preemption,
    pipelines,
    serving,
    staging,
    timers,
    contracts,
)
NAMES = {code: name for name, code in KINDS.items()}
MASK, GOLDEN = (1 << 64) - 1, 0x9E3779B97F4A7C15


def _toys() -> dict[str, Callable[[], Toy]]:
    """Public functions of the modules that take nothing and give a toy, by module and name."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": function
        for module in MODULES
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(function).return_annotation is Toy
    }


TOYS = _toys()


@chooser
def choose(view, observation, mask, knobs, scratch):
    """The answer of a table: its width, then a row of answers for each job."""
    item = view.world.live[offered_slot(view.world)]
    width = int(knobs[0])
    return int(knobs[1 + item.job * width + min(item.attempts, width - 1)])


def listed(toy: Toy) -> Agent:
    """The router of a toy, for the kernel."""
    width = max([1, *map(len, toy.actions.values())])
    table = [toy.answer(job, attempt) for job in range(len(toy.world.jobs)) for attempt in range(width)]
    return Agent("listed", choose, np.array([width, *table], np.float64))


def told(log: list[Row]) -> list[str]:
    """The rows in words, so that pytest shows a difference that a human can read."""
    return [f"{time} {NAMES[kind]} {subject} {place} {value}" for time, kind, subject, place, value in log]


@pytest.mark.parametrize("name", TOYS)
def test_the_reference_says_what_was_worked_out_by_hand(name):
    toy = TOYS[name]()
    result = run(toy.world, lambda job, attempt, legal: toy.answer(job, attempt), toy.until)
    assert told(result.log) == told(toy.expected)
    assert {total: getattr(result.totals, total) for total in toy.totals} == toy.totals
    assert {job: result.jobs[job].spent for job in toy.costs} == toy.costs


@pytest.mark.parametrize("name", TOYS)
def test_the_kernel_says_what_was_worked_out_by_hand(name):
    toy = TOYS[name]()
    worlds = begun(toy.world, results=len(toy.world.jobs))
    worlds.ask_results(0, 0, len(toy.world.jobs))
    worlds.batch.state.open_results += 1  # so that it goes on to `until` when all have left
    worlds.play(listed(toy), toy.until)
    assert told(worlds.log().tolist()) == told(toy.expected)
    assert {total: getattr(worlds.totals(), total) for total in toy.totals} == toy.totals
    assert {job: worlds.batch.results[0, job].spent for job in toy.costs} == toy.costs


@pytest.mark.parametrize("name", TOYS)
def test_the_billed_and_the_effective_view_of_a_toy_are_equal(name):
    posted = [(place, value) for _, kind, _, place, value in TOYS[name]().expected if kind == KINDS["POST"]]
    both = [ACCOUNTS[account] for account in ("OVERAGE", "BURST", "EGRESS")]
    billed = [ACCOUNTS["FEE"], ACCOUNTS["SHORTFALL"], *both]
    effective = [ACCOUNTS["USED"], ACCOUNTS["UNUSED"], *both]
    assert sum(value for place, value in posted if place in billed) == sum(
        value for place, value in posted if place in effective
    )


@pytest.mark.parametrize("name", TOYS)
def test_the_table_of_a_toy_keeps_the_order_of_time_and_ends_before_its_until(name):
    toy = TOYS[name]()
    times = [row[0] for row in toy.expected]
    assert times == sorted(times) and times[-1] < toy.until


def _mix(bits: int) -> int:
    bits = ((bits ^ bits >> 30) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ bits >> 27) * 0x94D049BB133111EB) & MASK
    return bits ^ bits >> 31


def _draw(seed: int, stream: int, entity: int, attempt: int) -> int:
    bits = _mix(seed ^ GOLDEN)
    for word in (stream, entity, attempt):
        bits = _mix(bits ^ word ^ GOLDEN)
    return bits


def _uniform(bits: int, n: int) -> int:
    return (bits >> 32) * n >> 32


def test_the_positions_on_which_toys_rest_are_drawn():
    def positions(seed, capacity, count):
        return [_uniform(_draw(seed, 1, 0, 2 * k + 1), capacity) for k in range(count)]

    assert positions(5, 8, 3) == [4, 7, 6]
    assert positions(4, 4, 4) == [1, 0, 3, 3] and positions(4, 1000, 2)[1] == 126
    assert positions(6, 4, 2) == [1, 3] and positions(4, 2, 1) == [0]


def test_the_grants_on_which_toys_rest_are_drawn():
    def grants(seed, job, count):
        return [_uniform(_draw(seed, 2, job, 8 * asked + 1), 1000) for asked in range(count)]

    assert grants(10, 1, 3) == [991, 605, 202]
    assert grants(5, 0, 2) == [660, 45]


def test_the_quantiles_on_which_toys_rest_are_drawn():
    def cell_and_fraction(*named):
        bits = _draw(*named)
        return bits >> 54, bits >> 20 & (1 << 24) - 1

    assert _draw(0, 3, 0, 0) == 0x9B2903F7BF1ED983 and cell_and_fraction(0, 3, 0, 0) == (620, 4_160_497)
    assert _draw(1269, 3, 0, 0) == 0xFFC0BCD9ED249F8E and cell_and_fraction(1269, 3, 0, 0) == (1023, 13_475_538)
    assert _draw(1269, 3, 0, 0) >> 44 & 1023 == 11
    gaps = [cell_and_fraction(0, 1, 0, 2 * k) for k in range(3)]
    assert gaps == [(307, 292_462), (748, 4_590_484), (830, 8_168_912)]
