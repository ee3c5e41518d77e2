"""Labels worked by hand: what each answer to one offer costs in a world of two sites and two jobs."""

from typing import Any, cast

import numpy as np
import pytest

from tidegate.agents.ppo.branches import Branches
from tidegate.agents.rules import committed_only
from tidegate.fastsim.branches import MARKS, Reach
from tidegate.fastsim.observe import layout
from tidegate.fastsim.spec import BURST, COMMITTED, ClassTable, ProviderTable, SiteTable, SpecTable, plain_jobs
from tidegate.fastsim.units import DAY, HOUR
from tidegate.fastsim.worlds import Worlds


class ByHand:
    """As much of a batch as `Branches` asks for: one episode, in a world worked out by hand."""

    layout = layout(2)

    def __init__(self) -> None:
        sites = (SiteTable(0, 8, 1_000_000, (1000,)), SiteTable(1, 8, 2_000_000, (1000,)))
        providers = (ProviderTable(COMMITTED, floor_share=1000), ProviderTable(BURST))
        spec = SpecTable(sites, providers, (ClassTable(1_000_000),), 30 * DAY, offer_interval=HOUR // 2).pack()
        jobs = plain_jobs(3)
        jobs["arrival"], jobs["gang"] = np.array([10, 11, 40]) * HOUR, (8, 8, 1)
        jobs["walltime"] = jobs["requested"] = np.array([2, 1, 1]) * HOUR
        self.worlds = Worlds(spec, jobs.view(np.recarray), 1)
        self.worlds.begin(0)
        self.ends = self.limits = np.array([20 * DAY])

    def __len__(self) -> int:
        return 1

    def begin_anew(self, episodes: np.ndarray) -> None:
        assert len(episodes) == 0


@pytest.mark.parametrize("marks", [1, MARKS])
def test_costs_worked_by_hand(marks: int) -> None:
    """Eight accelerators at each site, $1 for each hour that one waits, $2 for each at the meter.

    At 10:00 comes a job of two hours, at 11:00 one of one hour, both want all eight. Who follows uses the first site.

        first site    the second job waits for an hour                                       8 × 1 × $1 =  $8
        second site   eight accelerators at the meter for two hours                          8 × 2 × $2 = $32
        hold          the first is offered again at 10:30 and starts; the second waits
                      from 11:00 to 12:30                                     8 × ½ × $1 + 8 × 1½ × $1 = $16
    """
    rule = committed_only.agent()
    reach = Reach(1, 1e-9, 1.0, 5.0 * HOUR, 0.0, 0.0)
    found = Branches(cast("Any", ByHand()), marks).gather(rule, rule, reach, 1)
    assert found is not None
    assert found.costs.tolist() == [[8.0, 32.0, 16.0]]
    assert found.actions.tolist() == [0]
    assert found.weights.tolist() == [1.0]
    # After four hours nobody runs any more, whatever was done: all are one world, compared in time or not.
    assert found.merged.tolist() == [[False, True, True]]


def test_runs_at_the_meter_are_charged_to_their_end_where_a_branch_stops_before() -> None:
    """The same after half an hour: of the run at the meter an hour and a half are still to come, and are charged."""
    rule = committed_only.agent()
    reach = Reach(1, 1e-9, 1.0, 0.5 * HOUR, 0.0, 0.0)
    found = Branches(cast("Any", ByHand())).gather(rule, rule, reach, 1)
    assert found is not None
    assert found.costs.tolist() == [[0.0, 32.0, 4.0]]


def test_a_tail_worked_by_hand() -> None:
    """A branch of half an hour ends when the next job arrives, at 11:00; it waits in the ten hours after it for $8."""
    rule = committed_only.agent()
    reach = Reach(1, 1e-9, 1.0, 0.5 * HOUR, 0.0, 10.0 * HOUR)
    found = Branches(cast("Any", ByHand())).gather(rule, rule, reach, 1)
    assert found is not None
    assert found.costs.tolist() == [[0.0, 32.0, 4.0]]
    assert found.tails.tolist() == [8.0]
