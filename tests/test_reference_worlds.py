"""The random worlds: what holds in every one of them, and that together they contain everything."""

from collections import Counter

import pytest

from .reference.random_worlds import horizon, keyed_choice, mix, random_world
from .reference.simulator import (
    ACCOUNTS,
    CAPACITY,
    EVICT,
    FINISH,
    OFFER,
    POST,
    START,
    Result,
    Simulator,
    accelerators,
    run,
)
from .reference.world import World

SEEDS = range(60)


@pytest.fixture(scope="module")
def played() -> list[tuple[World, Result]]:
    """The random worlds under the keyed choice of the same seed."""
    worlds = [random_world(seed) for seed in SEEDS]
    return [(w, run(w, keyed_choice(seed), horizon(w))) for seed, w in zip(SEEDS, worlds, strict=True)]


def test_accelerators_are_conserved_and_never_overbooked(played):
    """Occupied by the log alone: at the end of an instant never above the capacity, and at last what still runs."""
    for small, result in played:
        capacity = [site.capacity for site in small.sites]
        occupied = Counter()
        for before, (time, kind, subject, place, value) in zip([None, *result.log], result.log, strict=False):
            if before is not None and before[0] < time:
                assert all(occupied[site] <= capacity[site] for site in range(len(capacity)))
            if kind in (START, FINISH, EVICT):
                assert value == accelerators(small.jobs[subject], small.sites[place])
                occupied[place] += value if kind == START else -value
            elif kind == CAPACITY:
                capacity[place] = value
        last = Counter(dict.fromkeys(occupied, 0))
        for number, running in result.running.items():
            last[running.site] += accelerators(small.jobs[number], small.sites[running.site])
        assert occupied == last


def test_the_billed_view_equals_the_effective_view(played):
    """FEE + OVERAGE + BURST = USED + UNUSED + OVERAGE + BURST, at each instant."""
    for _, result in played:
        by_time = Counter()
        for time, kind, _, place, value in result.log:
            if kind == POST and place in (0, 3, 4):
                by_time[time] += value if place == 0 else -value
        assert not any(by_time.values())


def test_a_run_in_parts_is_the_whole_run(played):
    """Stopped at an instant and between two, the log and the totals are the same."""
    for seed, (small, whole) in zip(SEEDS[:15], played, strict=False):
        parts = Simulator(small)
        middle = whole.log[len(whole.log) // 2][0]
        for until in (middle, middle + 1, horizon(small)):
            result = parts.run(keyed_choice(seed), until)
        assert result == whole


def test_time_never_runs_back_and_nothing_is_offered_before_it_arrives(played):
    for small, result in played:
        times = [row[0] for row in result.log]
        assert times == sorted(times)
        assert all(row[0] >= small.jobs[row[2]].arrival for row in result.log if row[1] == OFFER)


def test_the_worlds_are_alike_whatever_is_chosen():
    """The arrivals, steps, announcements, prices and write-offs of a world do not depend on the choice."""
    exogenous = (3, 4, 5, 7, 8)
    for seed in SEEDS[:10]:
        small = random_world(seed)
        logs = [run(small, keyed_choice(key), horizon(small)).log for key in (1, 2)]
        first, second = ([row for row in log if row[1] in exogenous] for log in logs)
        assert first == second


def test_every_kind_of_event_and_every_account_occurs_often(played):
    kinds = Counter(row[1] for _, result in played for row in result.log)
    accounts = Counter(row[3] for _, result in played for row in result.log if row[1] == POST)
    assert min(kinds[kind] for kind in range(1, 11)) >= 50
    assert min(accounts[account] for account in ACCOUNTS) >= 50
    assert sum(result.illegal for _, result in played) >= 50


def test_the_keyed_choice_follows_its_formula():
    """mix(0x9E3779B97F4A7C15) is the first number of splitmix64 from seed 0, as published with it."""
    assert mix(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF
    choose = keyed_choice(0)
    h = mix(mix(5) + 2)
    assert (h >> 32) % 20 != 0
    assert choose(5, 2, [False, True, True, True]) == 1 + h % 3
