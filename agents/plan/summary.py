"""A plan in plain words; every figure in them is computed."""

import math

from ..evaluation.compare import Interval
from ..evaluation.table import money, number, percent
from .levels import plain
from .newsvendor import Newsvendor
from .plan import FIRST_FIT, Plan

BILLION = 1e9


def sentences(plan: Plan) -> list[str]:
    """What a planner must know, the answer first."""
    found = [_answer(plan), _place(plan), _newsvendor(plan), _break_even(plan), _margin(plan), *_worth(plan)]
    return [one for one in (*found, _shortfall(plan), *_events(plan), _sunk(plan)) if one]


def dollars(amount: float) -> str:
    """An amount with its sign of currency."""
    size = f"{abs(amount) / BILLION:,.3f}B" if abs(amount) >= BILLION else money(abs(amount))
    return f"{'−' if round(amount) < 0 else ''}${size}"


def moved(found: Interval) -> str:
    """A bill that rises or falls by an amount, with the interval of that."""
    if found.value >= 0:
        return f"rises by {dollars(found.value)} a week ({span(found)})"
    return f"falls by {dollars(-found.value)} a week ({span(Interval(-found.value, -found.high, -found.low))})"


def span(found: Interval) -> str:
    """An interval in words, or that there is none."""
    if not math.isfinite(found.low):
        return "no interval: too few plays"
    return f"95 % interval {dollars(found.low)} to {dollars(found.high)}"


def accelerators(plan: Plan, level: float) -> str:
    """How many are committed at a level, on day 0 and at most."""
    committed = {provider.name for provider in plan.scenario.providers if provider.is_committed}
    own = [site for site in plan.scenario.sites if site.provider in committed]
    first, most = (round(level * sum(sizes)) for sizes in ([s.capacity for s in own], [s.nominal for s in own]))
    return f"{first:,} accelerators" if first == most else f"{first:,} accelerators at first, {most:,} at most"


def _answer(plan: Plan) -> str:
    chosen = plan.chosen
    bill, avoidable = chosen.weekly(chosen.bill), chosen.weekly(chosen.avoidable)
    burst = "with burst" if chosen.setting.burst else "without burst"
    hours = chosen.wait_p95.value
    wait = "" if math.isnan(hours) else f" 95 % of jobs wait less than {number(hours)} h."
    size = accelerators(plan, float(chosen.setting.level))
    return (
        f"The cheapest of {len(plan.settings)} settings is × {plain(chosen.setting.level)} of the commitment ({size}) "
        f"{burst}, routed by {chosen.policy}: {dollars(bill.value)} a week ({span(bill)}), of which "
        f"{dollars(avoidable.value)} are avoidable and "
        f"{dollars(chosen.mean('floors'))} are floors, owed whatever is used.{wait}"
    )


def _place(plan: Plan) -> str:
    level, curve = plan.minimum.level, plan.curve
    told = f"Between the levels that were played the least bill lies at × {level.value:.3f}"
    if math.isfinite(level.low):
        told += f", in 95 % of resampled plays from {level.low:.3f} to {level.high:.3f}"
    told += "."
    if plan.minimum.number in (0, len(curve) - 1):
        end, side = ("lowest", "lower") if plan.minimum.number == 0 else ("highest", "higher")
        told += f" It is the {end} level that was played: {side} ones may be cheaper."
    alike = [
        plain(one.setting.level)
        for one in curve
        if one is not plan.chosen and (found := one.more_than(plan.chosen)).low <= 0 <= found.high
    ]
    if alike:
        told += f" It cannot be told apart from × {', '.join(alike)}."
    return told


def _newsvendor(plan: Plan) -> str:
    found = plan.newsvendor
    if found is None:
        return "There is no newsvendor's answer: nothing can be bought beside the commitment."
    level = found.level
    told = f" [{level.low:.3f}, {level.high:.3f}]" if math.isfinite(level.low) else ""
    return (
        f"A newsvendor, who knows only how demand is distributed, would commit to × {level.value:.3f}{told}: an hour "
        f"committed costs ${found.terms.committed:.2f}, one on burst ${found.terms.burst:.2f}, and demand is "
        f"{found.demand['mean']:.2f} of the commitment on average, {found.demand['p95']:.2f} at its 95th percentile. "
        + _why_apart(plan, found)
    )


def _why_apart(plan: Plan, found: Newsvendor) -> str:
    """Whether the two answers differ, and what he does not see."""
    own = plan.minimum.level
    if not (math.isfinite(own.low) and math.isfinite(found.level.low)):
        return "He does not see waiting, gangs, start-ups, evictions and budgets."
    if own.low <= found.level.high and found.level.low <= own.high:
        return "The intervals meet: what he does not see (waiting, gangs, start-ups, budgets) decides little."
    side = "more" if own.value > found.level.value else "less"
    return f"The plan commits to {side}: it sees waiting, gangs, start-ups, evictions and budgets, and he does not."


def _break_even(plan: Plan) -> str:
    found = plan.newsvendor
    own = f"The chosen commitment is used {percent(plan.used.value)} % of the time."
    if found is None:
        return own
    if math.isinf(found.terms.break_even):
        return f"An hour of commitment is dearer than one of burst: no use of it pays for it on prices alone. {own}"
    share = percent(found.terms.break_even)
    return f"An accelerator breaks even against burst when it is used {share} % of the time. {own}"


def _margin(plan: Plan) -> str:
    told = []
    for one in plan.margins:
        net = moved(Interval(-one.net.value, -one.net.high, -one.net.low))
        told.append(
            f"For {one.unit} more of commitment the avoidable cost falls by {dollars(one.saves.value)} a week and "
            f"floors rise by {dollars(one.costs.value)}: the bill {net}."
        )
    return " ".join(told)


def _worth(plan: Plan) -> list[str]:
    told = []
    for one in plan.values:
        name = one.name[:1].upper() + one.name[1:]
        if one.worth is None:
            told.append(f"{name}: without it more waits than the world can hold.")
            continue
        is_growing = one.without is not None and one.without.grows
        grows = "; without it ever more waits, and a longer play would show more" if is_growing else ""
        told.append(f"{name}, is worth {dollars(one.worth.value)} a week ({span(one.worth)}){grows}.")
    if plan.chosen.policy == FIRST_FIT and len(plan.policies) > 1:
        told.append(f"Of the policies that were played none routes better there than {FIRST_FIT}.")
    return told


def _shortfall(plan: Plan) -> str:
    told = []
    for one in plan.true_ups:
        day = one.ends_at_day
        when = "a billing period" if day is None else f"the period that is trued up on day {day:g}"
        told.append(
            f"{when} leaves {dollars(one.mean_unused)} of {dollars(one.floor)} with {one.provider} unused, on average, "
            f"and {dollars(one.overage)} overage."
        )
    if not told:
        return ""
    last = f" The last of {len(told)}: {told[-1]}" if len(told) > 1 else ""
    return told[0][0].upper() + told[0][1:] + last


def _events(plan: Plan) -> list[str]:
    told = []
    for one in plan.events:
        name = one.name[:1].upper() + one.name[1:]
        if one.bill is None:
            told.append(f"{name}: then more waits than the world can hold.")
        else:
            whole = dollars(abs(one.bill.value * one.weeks))
            told.append(f"{name}: the bill {moved(one.bill)}, which is {whole} over the whole span.")
    return told


def _sunk(plan: Plan) -> str:
    return (
        "Unused commitment is never a saving. Delay, penalties and write-offs are assumed costs, not invoices. "
        "Prices are taken to be the same at every size of the commitment."
    )
