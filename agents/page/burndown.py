"""Commitments against plan: what is drawn of each take-or-pay contract beside its floor so far."""

from collections.abc import Sequence

import numpy as np

from .clock import dates, time_axis
from .names import Names
from .observed import Observed
from .picture import HALF, INK, Drawn, Key, Panel, Picture, dollar_axis, heading, listed, scale

MICRO = 1e6  # µ$ in a dollar
PLAN = "plan: the floor so far"


def burndown(names: Names, seen: Sequence[Observed]) -> Picture | None:
    """A panel for each contract; None where there is none with a floor."""
    contracts = with_floors(seen[0])
    if not contracts:
        return None
    panels = [_panel(names, seen, provider) for provider in contracts]
    reading = (
        "A line above the plan draws more than the floor so far and pays overage unless it falls back; one below it "
        "leaves commitment unused, which is paid all the same. A contract is on plan when the window begins, and "
        "starts anew with each billing period."
    )
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


def by_period(one: Observed, amounts: np.ndarray, provider: int) -> tuple[list[int], np.ndarray]:
    """Dates and dollars of one contract; between two billing periods stands a NaN, so that no line joins them."""
    anew = np.flatnonzero(np.diff(one.floors[:, provider]) < 0) + 1
    at = np.insert(np.array(dates(one.instants)), anew, np.array(dates(one.instants))[anew])
    return at.tolist(), np.insert(amounts[:, provider] / MICRO, anew, np.nan)


def _panel(names: Names, seen: Sequence[Observed], provider: int) -> Panel:
    largest = max(float(max(one.floors[:, provider].max(), one.drawn[:, provider].max())) for one in seen) / MICRO
    unit, letter = scale(largest)
    first = seen[0]
    data = [_line(by_period(first, first.floors, provider), unit, PLAN, INK, "plan", "dash")]
    for one in seen:
        label, colour = names.policies[one.policy], names.policy_colours[one.policy]
        data.append(_line(by_period(one, one.drawn, provider), unit, label, colour, f"policy{one.policy}"))
    for trace in data:
        trace["hovertemplate"] = f"$%{{y:,.1f}}{letter}"
    layout: Drawn = {
        "hovermode": "x unified",
        "xaxis": time_axis(int(first.instants[0]), int(first.instants[-1])),
        "yaxis": dollar_axis(letter),
        "annotations": [heading("drawn in this billing period, dollars")],
    }
    return Panel(f"contract of {names.providers[provider]}", data, layout)


def _line(
    points: tuple[list[int], np.ndarray], unit: float, label: str, colour: str, group: str, dash: str = "solid"
) -> Drawn:
    at, amounts = points
    return {
        "type": "scatter",
        "mode": "lines",
        "x": at,
        "y": listed(amounts / unit, 3),
        "name": label,
        "legendgroup": group,
        "line": {"color": colour, "width": 2, "dash": dash},
    }
