"""More than integers are proved to hold: the world stops before it, and says what stopped it."""

from typing import Any

import numpy as np
import pytest

from tidegate.agents.rules import only_site
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.spec import ClassTable, ProviderTable, SiteTable, SpecTable, plain_jobs
from tidegate.fastsim.units import DOLLAR, HOUR
from tidegate.fastsim.worlds import Worlds

CAPACITY = 1_000_000


def world(gangs: list[int], arrivals: list[int], *, rate: int = DOLLAR, **terms: Any) -> Worlds:
    """One site, whose jobs run for ten hours."""
    jobs = plain_jobs(len(gangs))
    jobs.gang, jobs.arrival, jobs.walltime, jobs.requested = gangs, arrivals, 10 * HOUR, 10 * HOUR
    site = SiteTable(0, CAPACITY, DOLLAR, (1000,))
    table = SpecTable((site,), (ProviderTable(0),), (ClassTable(rate),), 720 * HOUR, **terms)
    worlds = Worlds(table.pack(), jobs, 1)
    worlds.begin(0)
    return worlds


def test_jobs_may_want_as_much_as_is_proved_and_no_more():
    """5 run and 3 wait, which is 8; at two hours another 2 arrive together, and only 9 are proved."""
    gangs, hours = [5, 3, 1, 1], [0, 1, 2, 2]
    enough = world(gangs, [hour * HOUR for hour in hours], most_present=10)
    enough.play(only_site.agent(), 3 * HOUR)
    assert int(enough.state().present) == 10
    short = world(gangs, [hour * HOUR for hour in hours], most_present=9)
    wanted = "accelerators that all jobs want, 8, on day 0 the next ones exceed 9, what integers hold, lower the load"
    with pytest.raises(InputError, match=wanted):
        short.play(only_site.agent(), 3 * HOUR)
    state = short.state()
    assert int(state.next_job) == 2
    assert int(state.now) < 2 * HOUR


def test_what_has_left_the_world_counts_no_more():
    worlds = world([5, 5, 5], [0, 10 * HOUR, 20 * HOUR + 1], most_present=10)
    worlds.play(only_site.agent(), 40 * HOUR)
    assert int(worlds.state().finished) == 3
    assert int(worlds.state().present) == 0


def test_delay_that_nears_what_integers_hold_stops_the_world():
    """A million accelerators wait at a million dollars an hour: 10^18 µ$, and 2^61 are reached in less than three."""
    worlds = world([CAPACITY, CAPACITY], [0, 0], rate=1_000_000 * DOLLAR, offer_interval=HOUR // 4)
    with pytest.raises(InputError, match=r"delay and write-offs in µ\$, 2,.* on day 0 above 2,305,843,009,213,693,952"):
        worlds.play(only_site.agent(), 9 * HOUR)
    assert 2 * HOUR < int(worlds.state().now) < 3 * HOUR
    assert np.all(np.asarray(worlds.costs) < 1 << 62)
