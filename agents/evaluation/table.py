"""An evaluation as a table for people, 100 columns wide; policies are columns, so that eight classes and sites fit."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from .compare import Interval
from .report import Comparison, Report, Scores, counted

ABREAST = 4  # policies in one table; the first stands in each
NOTHING = "–"
MOST = 9.99  # as a fraction; ends of intervals beyond it are not written out
LABEL = 21  # columns of the first one, so that four intervals fit beside it
Cell = str | Text


def render(report: Report) -> Group:
    """Everything that a terminal shows of an evaluation."""
    first, *others = report.policies
    groups = [others[at : at + ABREAST - 1] for at in range(0, len(others), ABREAST - 1)] or [[]]
    tables = [_table(report, (first, *group)) for group in groups]
    seeds = [Text(_over_seeds(report, one)) for one in report.over_seeds.values()]
    notes = [Text(f"Note: {note}.") for note in (*report.notes, *beyond([report], is_whole=True))]
    return Group(*tables, *seeds, *notes)


def beyond(reports: Sequence[Report], *, is_whole: bool = False) -> list[str]:
    """A note where ends of intervals, or shares of gaps, are not written out; a whole report shows more of them."""
    found = [one for report in reports for one in (*report.comparisons, *report.over_seeds.values())]
    savings = [saving for one in found for saving in (one.avoidable, one.bill)[: 1 + is_whole]]
    shares = [share for report in reports for gap in report.gaps.values() for share in gap if share is not None]
    limits = [limit for saving in savings for limit in (saving.low, saving.high)]
    limits += [limit for share in shares for limit in share[: 3 if is_whole else 1]]
    if not any(abs(limit) > MOST for limit in limits):
        return []
    ends = f"< {-100 * MOST:.0f} and > {100 * MOST:.0f} stand for all beyond"
    return [
        f"{ends}: an interval that reaches so far says no more than its other end, a share of hardly any gap nothing"
    ]


def _over_seeds(report: Report, found: Comparison) -> str:
    """A group of training seeds against the first policy."""
    count = len(report.groups[found.policy])
    seeds = "1 training seed" if count == 1 else f"{count} training seeds the interquartile mean"
    cost, bill = _with_interval(found.avoidable), _with_interval(found.bill)
    gap = report.gaps.get(found.policy)
    closed = "" if gap is None else f" Of the gap to the bound it closes {_with_interval(gap.to_bound)}"
    if gap is not None:
        foresight = gap.to_clairvoyant
        closed += "." if foresight is None else f", of that to the clairvoyant {_with_interval(foresight)}."
    return (
        f"{found.policy}: over {seeds} saves {cost} of the avoidable cost of {found.against}, {bill} of its bill; p, "
        f"all together, {_p(found)}.{closed} Intervals over seeds and {blocks_of(report)}; one seed is no comparison."
    )


def _with_interval(share: Interval) -> str:
    return f"{percent(share.value)} % {brackets(share, end)}"


def _p(comparison: Comparison) -> str:
    return f"{comparison.adjusted_p:.4f}" if math.isfinite(comparison.adjusted_p) else NOTHING


def blocks_of(report: Report) -> str:
    """How many of what is resampled as one there are."""
    return counted(len(np.unique(report.blocks)), report.unit)


def resampling(reports: Sequence[Report]) -> str:
    """What is resampled."""
    lengths = sorted({int(one.policies[0].rows.block.max()) + 1 for one in reports if one.unit == "stretch"})
    told = {
        "stretch": f"A stretch, up to {' or '.join(map(str, lengths))} episodes in a row, is resampled as one.",
        "week": "Of a trace a week of all plays is resampled as one.",
        "episode": "Episodes are resampled.",
    }
    return " ".join(told[unit] for unit in dict.fromkeys(one.unit for one in reports))


def _table(report: Report, policies: tuple[Scores, ...]) -> Table:
    """The first policy beside some of the others."""
    table = Table(
        title=f"{title_of(report)}: {report.episodes} episodes, seed {report.seed}",
        title_justify="left",
        caption=_caption(report),
        caption_justify="left",
    )
    table.add_column("", no_wrap=True)
    for policy in policies:
        table.add_column(policy.name, justify="right", overflow="fold")
    for section in (_costs, _savings, _waits, _use):
        for label, *cells in section(report, policies):
            table.add_row(label, *cells)
        table.add_section()
    return table


def title_of(report: Report) -> str:
    """What was evaluated, without its numbers of episodes and seed."""
    work = "drawn work" if report.trace is None else report.trace
    load = "" if report.load is None else f", load {report.load:g}"
    factor = "" if report.delay_factor == 1 else f", delay cost × {report.delay_factor:g}"
    return f"{report.scenario}, {work}{load}{factor}"


def _caption(report: Report) -> str:
    first = report.policies[0].name
    return (
        f"Dollars per week. Brackets: bootstrap 95 % intervals over {blocks_of(report)}. {resampling([report])} Saved: "
        f"against {first} on the same episodes; below 0 the policy loses. Unused commitment is never a saving."
    )


def _costs(report: Report, policies: tuple[Scores, ...]) -> Iterator[list[Cell]]:
    costs = [report.weekly(policy.avoidable) for policy in policies]
    yield ["avoidable cost", *(money(cost.value) for cost in costs)]
    yield ["", *(brackets(cost, money) for cost in costs)]
    for label, name in PARTS:
        if name in ALWAYS or any(policy.total(name) for policy in policies):
            yield [f"  {label}", *(money(policy.per_week(name)) for policy in policies)]
    yield ["floors", *(money(policy.per_week("floors")) for policy in policies)]
    bills = [report.weekly(policy.bill) for policy in policies]
    yield ["total bill", *(money(bill.value) for bill in bills)]
    yield ["", *(brackets(bill, money) for bill in bills)]


def _savings(report: Report, policies: tuple[Scores, ...]) -> Iterator[list[Cell]]:
    found = {comparison.policy: comparison for comparison in report.comparisons}
    against = [found.get(policy.name) for policy in policies]
    if len(policies) == 1:
        return
    for label, name in (("saved, % avoidable", "avoidable"), ("saved, % of the bill", "bill")):
        savings = [_saving(comparison, name) for comparison in against]
        yield [label, *(_verdict(saving) for saving in savings)]
        yield ["", *(brackets(saving, end) if saving else "" for saving in savings)]
    yield ["p, all together", *(NOTHING if one is None else _p(one) for one in against)]
    for label, name in (("% of gap to bound", "to_bound"), ("% to clairvoyant", "to_clairvoyant")):
        shares = [_share(report, policy, name) for policy in policies]
        if any(shares):
            yield [label, *(NOTHING if share is None else end(share.value) for share in shares)]
            yield ["", *("" if share is None else brackets(share, end) for share in shares)]


def _waits(report: Report, policies: tuple[Scores, ...]) -> Iterator[list[Cell]]:
    yield ["wait p50 / p95, h", *(_pair(policy.measures, "wait_p50_hours", "wait_p95_hours") for policy in policies)]
    for name in report.classes:
        pairs = (_pair(policy.by_class[name], "wait_p50_hours", "wait_p95_hours") for policy in policies)
        yield [f"  {name}"[:LABEL], *pairs]
    yield ["slowdown p50 / p95", *(_pair(policy.measures, "slowdown_p50", "slowdown_p95") for policy in policies)]
    names = ("pipeline_response_p50_hours", "pipeline_response_p95_hours")
    if _is_measured(policies, names[0]):
        yield ["pipelines p50/p95, h", *(_pair(policy.measures, *names) for policy in policies)]


def _use(report: Report, policies: tuple[Scores, ...]) -> Iterator[list[Cell]]:
    for name in report.sites:
        yield [f"% used: {name}"[:LABEL], *(percent(policy.by_site[name]) for policy in policies)]
    yield ["% of work on burst", *(percent(policy.burst_share) for policy in policies)]
    yield ["commitment unused", *(money(policy.measures["commitment_unused_dollars"]) for policy in policies)]
    for label, name, form in FIGURES:
        if _is_measured(policies, name):
            yield [label, *(form(policy.measures[name]) for policy in policies)]
    yield ["illegal", *(f"{policy.total('illegal'):,}" for policy in policies)]


def _is_measured(policies: tuple[Scores, ...], name: str) -> bool:
    """Whether a measure exists for any policy, and is not 0 for all."""
    values = [policy.measures[name] for policy in policies]
    return any(math.isfinite(value) and value != 0 for value in values)


def _saving(comparison: Comparison | None, name: str) -> Interval | None:
    return None if comparison is None else getattr(comparison, name)


def _share(report: Report, policy: Scores, name: str) -> Interval | None:
    """What part of a gap a policy closes; None where it is not known."""
    gap = report.gaps.get(policy.name)
    return None if gap is None else getattr(gap, name)


def _verdict(saving: Interval | None) -> Text:
    """A saving in colour where its interval leaves no doubt of the sign."""
    if saving is None:
        return Text(NOTHING)
    style = "green" if saving.low > 0 else "red" if saving.high < 0 else ""
    return Text(percent(saving.value), style=style)


def brackets(interval: Interval, form: Callable[[float], str]) -> Text:
    """The interval as plain text: rich would read square brackets as markup."""
    return Text(f"[{form(interval.low)}, {form(interval.high)}]")


def _pair(measures: dict[str, float], *names: str) -> str:
    return " / ".join(number(measures[name]) for name in names)


def number(value: float) -> str:
    """Two places below 100, none from there on."""
    if not math.isfinite(value):
        return NOTHING
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


def money(dollars: float) -> str:
    """Dollars, short: 9,940, 27.7k, 1.234M."""
    if not math.isfinite(dollars):
        return NOTHING
    if abs(dollars) < 10_000:
        return f"{round(dollars) + 0:,}"  # an integer has no minus zero
    return f"{dollars / 1e3:,.1f}k" if abs(dollars) < 1e6 else f"{dollars / 1e6:,.3f}M"


def percent(fraction: float) -> str:
    """A fraction as a number of per cent, the sign with it."""
    return f"{100 * fraction:.1f}" if math.isfinite(fraction) else NOTHING


def end(fraction: float) -> str:
    """The same at an end of an interval, where one that is far off says no more than that."""
    if math.isnan(fraction) or abs(fraction) <= MOST:
        return percent(fraction)
    return f"{'<' if fraction < 0 else '>'} {math.copysign(100 * MOST, fraction):.0f}"


PARTS = (
    *(("burst and egress", "burst"), ("overage", "overage"), ("delay", "delay"), ("penalties", "penalty")),
    ("write-offs", "write_off"),
)
ALWAYS = ("burst", "delay")
FIGURES = (
    ("% of commitment used", "commitment_utilisation", percent),
    ("% covered", "coverage", percent),
    ("% deadlines met", "deadline_hit_rate", percent),
    ("% served", "serving_attainment", percent),
    ("% goodput", "goodput", percent),
    ("% requests denied", "denial_rate", percent),
    ("evictions per week", "evictions", number),
    ("preemptions per week", "preemptions", number),
    ("failures per week", "failures", number),
    ("moves per job", "moves_per_job", number),
)
