"""Commitments against plan: what is drawn of each take-or-pay contract beside its floor so far."""

from collections.abc import Iterator, Sequence

import numpy as np

from .clock import dates, time_axis
from .names import Names
from .observed import Observed
from .picture import HALF, INK, Drawn, Key, Panel, Picture, dollar_axis, heading, listed, scale

MICRO = 1e6  # µ$ in a dollar
PLAN = "plan: the floor so far"


def burndown(names: Names, seen: Sequence[Observed]) -> Picture | None:
    """Two panels for each contract; None where there is none with a floor."""
    contracts = with_floors(seen[0])
    if not contracts:
        return None
    panels = [panel for provider in contracts for panel in _panels(names, seen, provider)]
    reading = (
        "A line above the plan draws more than the floor so far and pays overage unless it falls back; one below it "
        "leaves commitment unused, which is paid all the same. A contract is on plan when the window begins, and "
        "starts anew with each billing period."
    )
    if any(is_lease(seen[0], provider) for provider in contracts):
        reading += " A lease has no overage: what it has is used, or not."
    legend = [Key(PLAN, INK, "plan", is_line=True, dash="dash")]
    legend += [
        Key(names.policies[one.policy], names.policy_colours[one.policy], f"policy{one.policy}", is_line=True)
        for one in seen
    ]
    return Picture(
        "commitments", "Commitments against plan: episode 0", reading, panels, legend, is_wide=True, size=HALF
    )


def with_floors(one: Observed) -> list[int]:
    """The take-or-pay contracts that owe something within the window, by number."""
    rules = one.spec.rules[0]
    return [p for p in range(int(rules.providers)) if rules.take_or_pay[p] == 1 and one.floors[:, p].any()]


def is_lease(one: Observed, provider: int) -> bool:
    """A flat fee without overage."""
    return one.spec.rules[0].overage_ratio[provider] == 0


def by_period(one: Observed, amounts: np.ndarray, provider: int) -> tuple[list[int], np.ndarray]:
    """Dates and dollars of one contract; between two billing periods stands a NaN, so that no line joins them."""
    anew = np.flatnonzero(np.diff(one.floors[:, provider]) < 0) + 1
    at = np.insert(np.array(dates(one.instants)), anew, np.array(dates(one.instants))[anew])
    return at.tolist(), np.insert(amounts[:, provider] / MICRO, anew, np.nan)


def _panels(names: Names, seen: Sequence[Observed], provider: int) -> Iterator[Panel]:
    """What is drawn beside the plan, and by how much it departs from it."""
    first = seen[0]
    title = f"{'lease' if is_lease(first, provider) else 'contract'} of {names.providers[provider]}"
    plan = by_period(first, first.floors, provider)
    lines = [(one, by_period(one, one.drawn, provider)) for one in seen]
    drawn = [_line(names, one, points) for one, points in lines]
    ahead = [_line(names, one, (at, amounts - by_period(one, one.floors, provider)[1])) for one, (at, amounts) in lines]
    yield _panel(first, title, "drawn in this billing period, dollars", [_plan(plan), *drawn])
    level = (plan[0], np.where(np.isnan(plan[1]), np.nan, 0.0))
    yield _panel(first, f"{title}: ahead of plan, or behind", "drawn − plan, dollars", [_plan(level), *ahead])


def _panel(first: Observed, title: str, axis: str, data: list[Drawn]) -> Panel:
    """The lines, which are still in dollars, on an axis with a short unit."""
    unit, letter = scale(max(float(np.nanmax(np.abs(trace["y"]))) for trace in data))
    layout: Drawn = {
        "annotations": [heading(axis)],
        "hovermode": "x unified",
        "meta": {"linked": True},
        "xaxis": time_axis(int(first.instants[0]), int(first.instants[-1])),
        "yaxis": dollar_axis(letter),
    }
    shown = [trace | {"y": listed(trace["y"] / unit, 3), "hovertemplate": f"%{{y:$,.1f}}{letter}"} for trace in data]
    return Panel(title, shown, layout, height=280)


def _plan(points: tuple[list[int], np.ndarray]) -> Drawn:
    line = {"color": INK, "width": 2, "dash": "dash"}
    return {"type": "scatter", "mode": "lines", "x": points[0], "y": points[1], "name": PLAN, "legendgroup": "plan"} | {
        "line": line
    }


def _line(names: Names, one: Observed, points: tuple[list[int], np.ndarray]) -> Drawn:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": points[0],
        "y": points[1],
        "name": names.policies[one.policy],
        "legendgroup": f"policy{one.policy}",
        "line": {"color": names.policy_colours[one.policy], "width": 2},
    }
