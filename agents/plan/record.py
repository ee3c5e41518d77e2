"""A plan as JSON: every figure, dollars per week; what does not exist is null."""

from typing import Any

from ..evaluation.compare import Interval
from ..evaluation.record import known
from .figures import Played
from .levels import Setting
from .plan import Bar, Event, Plan, Value
from .shortfall import QUANTILES, burn_down, taking_or_paying
from .summary import sentences

MONEY = ("burst", "overage", "delay", "penalty", "write_off", "floors", "used")


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan in plain numbers, ready for `json.dumps`."""
    return {
        "scenario": plan.scenario.name,
        "scenario_digest": plan.scenario.digest(),
        "trace": plan.trace,
        "load": plan.load,
        "seed": plan.seed,
        "plays": plan.plays,
        "policies": list(plan.policies),
        "points": [_point(plan, setting, policy) for policy in plan.policies for setting in plan.settings],
        "chosen": setting_of(plan.chosen.setting)
        | {
            "policy": plan.chosen.policy,
            "level_of_least_bill": interval(plan.minimum.level),
            "commitment_utilisation": interval(plan.used),
        },
        "newsvendor": _newsvendor(plan),
        "marginal_utilisation": [
            {"from": float(use.low.level), "to": float(use.high.level), **interval(use.utilisation)}
            for use in plan.uses
        ],
        "marginal_values": [
            {
                "unit": one.unit,
                "from": float(one.low.level),
                "to": float(one.high.level),
                "units": one.units,
                **{name: interval(getattr(one, name)) for name in ("saves", "costs", "net")},
            }
            for one in plan.margins
        ],
        "true_ups": [
            {
                **{name: getattr(one, name) for name in ("provider", "period", "ends_at_day", "invoiced")},
                **{name: getattr(one, name) for name in ("floor", "drawn", "mean_unused", "chance", "overage")},
                "unused": {f"p{share}": amount for share, amount in zip(QUANTILES, one.unused, strict=True)},
            }
            for one in plan.true_ups
        ],
        "burn_down": {
            provider.name: [month._asdict() for month in burn_down(plan.scenario, provider, plan.chosen)]
            for provider in taking_or_paying(plan.scenario)
        },
        "contracts": {name: _bills(point) for name, point in plan.contracts.items()},
        "values": [_value(one) for one in plan.values],
        "events": [_event(one) for one in plan.events],
        "tornado": [_bar(one) for one in plan.bars],
        "summary": sentences(plan),
        "notes": list(plan.notes),
    }


def interval(found: Interval | None) -> dict[str, float | None]:
    """A value with the ends of its interval."""
    names = ("value", "low", "high")
    return dict.fromkeys(names) if found is None else {n: known(x) for n, x in zip(names, found, strict=True)}


def setting_of(setting: Setting) -> dict[str, Any]:
    """Level and burst."""
    return {"level": float(setting.level), "burst": setting.burst}


def _point(plan: Plan, setting: Setting, policy: str) -> dict[str, Any]:
    point = plan.points[setting, policy]
    head = setting_of(setting) | {"policy": policy, "is_overloaded": point is None}
    if point is None:
        return head
    return head | {
        "grows": point.grows,
        "total_bill": interval(point.weekly(point.bill)),
        "avoidable_cost": interval(point.weekly(point.avoidable)),
        "wait_p95_hours": interval(point.wait_p95),
        "dearer_than_chosen": interval(point.more_than(plan.chosen)),
        "dearer_than_chosen_avoidable": interval(point.more_than(plan.chosen, "avoidable")),
        "parts": {name: point.mean(name) for name in MONEY},
        "commitment_unused": point.mean("floors") - point.mean("used"),
        **{name: int(point.column(name).sum()) for name in ("jobs", "unfinished", "written_off")},
    }


def _newsvendor(plan: Plan) -> dict[str, Any] | None:
    found = plan.newsvendor
    if found is None:
        return None
    terms = found.terms
    return {
        "level": interval(found.level),
        "bill": found.bill,
        "break_even_utilisation": known(terms.break_even),
        "committed_price": terms.committed,
        "floor_share": terms.floor,
        "overage_ratio": terms.overage,
        "burst_price": terms.burst,
        "demand": found.demand,
    }


def _value(one: Value) -> dict[str, Any]:
    return {
        "name": one.name,
        "without": _bills(one.without),
        "worth": interval(one.worth),
        "worth_avoidable": interval(one.avoidable),
        "share_of_bill": interval(one.share),
    }


def _event(one: Event) -> dict[str, Any]:
    return {
        "name": one.name,
        "there": _bills(one.there),
        "bill": interval(one.bill),
        "avoidable": interval(one.avoidable),
        "weeks": one.weeks,
        "whole_span": None if one.bill is None else one.bill.value * one.weeks,
    }


def _bar(one: Bar) -> dict[str, Any]:
    return {
        "name": one.name,
        "factor": float(one.factor),
        "there": _bills(one.there),
        "bill": interval(one.bill),
        "avoidable": interval(one.avoidable),
    }


def _bills(point: Played | None) -> dict[str, Any] | None:
    """Bill, avoidable cost and waits of another world; null where more waits than it can hold."""
    if point is None:
        return None
    return {
        "total_bill": interval(point.weekly(point.bill)),
        "avoidable_cost": interval(point.weekly(point.avoidable)),
        "wait_p95_hours": interval(point.wait_p95),
        "grows": point.grows,
        "written_off": int(point.column("written_off").sum()),
    }
