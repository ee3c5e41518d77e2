"""The page of an evaluation, for whoever pays, plans or schedules: docs/report.md."""

from collections.abc import Callable, Sequence
from typing import Any

from ...envs.scenario import Scenario
from ...envs.traces.table import Trace
from ...fastsim.agent import Player
from ..evaluation.bounds import Bounds
from ..evaluation.report import Report
from .burndown import burndown
from .decisions import decisions
from .document import document
from .frontier import frontier
from .names import Names, names_of
from .observed import Observed, observed
from .occupancy import occupancy
from .picture import Picture
from .timelines import timelines
from .waits import waits
from .waterfall import waterfall


def page(
    scenario: Scenario,
    agents: Sequence[Player],
    report: Report,
    *,
    trace: Trace | None = None,
    bounds: Bounds | None = None,
    command: str = "",
    progress: Callable[[float], Any] = lambda _: None,
) -> bytes:
    """One HTML file that needs no network.

    Args:
        scenario: The world of the evaluation.
        agents: Its policies, in the report's order; the first, and the one that the page compares with it, play
            episode 0 again, to be watched.
        report: What the evaluation found.
        trace: Its trace, if it had one.
        bounds: What no policy can beat on some of the episodes, if it was computed.
        command: The command line that makes this page again.
        progress: Takes the share of the plays that is over.

    Raises:
        InputError: Plotly is not installed.
    """
    names = names_of(scenario, report)
    seen = observed(scenario, agents, report, trace, progress)
    return document(names, report, pictures(names, report, seen, bounds), command).encode()


def pictures(names: Names, report: Report, seen: Sequence[Observed], bounds: Bounds | None) -> list[Picture]:
    """All that there is something to show in, in the order of the page."""
    found = [
        waterfall(names, report),
        frontier(names, report, bounds),
        occupancy(names, seen),
        waits(names, report),
        burndown(names, seen),
        decisions(names, seen),
        timelines(names, seen),
    ]
    return [picture for picture in found if picture is not None]
