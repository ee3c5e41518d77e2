"""The page of a plan: one HTML file that needs no network, in the style of the page of an evaluation."""

from collections.abc import Callable, Sequence
from html import escape

from ..evaluation.compare import Interval
from ..evaluation.table import NOTHING, number, percent
from ..page.library import plotly_js
from ..page.names import safe
from ..page.picture import Picture
from ..page.sections import POLICY, data_of, script, section, style
from ..page.waterfall import plain, signed
from .bars import by_month, events, tornado, worth
from .curves import against_commitment, slices
from .figures import Played
from .levels import Setting
from .levels import plain as plain_level
from .plan import Plan
from .shortfall import some
from .summary import sentences

PAGE = """<!doctype html>
<html lang=en>
<head>
<meta charset=utf-8>
<meta http-equiv=Content-Security-Policy content="{policy}">
<meta name=viewport content="width=device-width, initial-scale=1">
<meta name=color-scheme content="light dark">
<title>{heading}</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<p class=kicker>Tidegate plan</p>
<h1>{title}</h1>
<p class=headline><b>{answer}</b> <span class=detail>{place}</span></p>
<dl class=facts>{facts}</dl>
<pre class=command tabindex=0>{command}</pre>
</header>
<section class="card wide" id=words>
<h2>In plain words</h2>
<ul class=words>{words}</ul>
</section>
{sections}
<section class="card wide" id=points>
<h2>All points</h2>
<p class=reading>{reading}</p>
{points}
</section>
<section class="card wide" id=figures>
<h2>The same in figures</h2>
{tables}
<ul class=notes>{notes}</ul>
</section>
</main>
<noscript><p>The pictures need JavaScript; the tables do not.</p></noscript>
<script type=application/json id=pictures>{data}</script>
<script>{library}</script>
<script>{script}</script>
</body>
</html>
"""
READING = (
    "Dollars per week with 95 % intervals over {plays} plays. Over chosen: by how much the bill is higher than that of "
    "the chosen point, on the same plays; =: the interval holds 0, and the two cannot be told apart. ↑: ever more "
    "waits, so that a longer play would cost more a week. Avoidable is all but the floors of commitments, which are "
    "sunk: unused commitment is never a saving."
)
Row = tuple[str, Sequence[str]]


def page(plan: Plan, command: str = "") -> bytes:
    """The file; `command` is what makes it again. Raises InputError where Plotly is not installed."""
    drawn = pictures(plan)
    answer, place, *words = sentences(plan)
    html = PAGE.format(
        policy=POLICY,
        heading=f"{safe(plan.scenario.name)}: Tidegate plan",
        style=style(),
        title=safe(plan.scenario.title),
        answer=_unbroken(answer),
        place=_unbroken(place),
        facts="".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in _facts(plan)),
        command=escape(command),
        words="".join(f"<li>{_unbroken(one)}</li>" for one in words),
        reading=READING.format(plays=plan.plays),
        points="".join(_points(plan, policy) for policy in plan.policies),
        sections="\n".join(map(section, drawn)),
        tables="".join(_tables(plan)),
        notes="".join(f"<li>{safe(note[:1].upper() + note[1:])}.</li>" for note in plan.notes),
        data=data_of(drawn),
        library=plotly_js(),
        script=script(),
    )
    return html.encode()


def _unbroken(sentence: str) -> str:
    """A sentence as HTML, in which no line ends before a per cent sign or behind a sign of multiplication."""
    return safe(sentence).replace(" %", "\u00a0%").replace("× ", "×\u00a0").replace("−$", "−\u2060$")


def pictures(plan: Plan) -> list[Picture]:
    """All that there is something to show in, in the order of the page."""
    found = [against_commitment(plan), slices(plan), worth(plan), tornado(plan), events(plan), by_month(plan)]
    return [picture for picture in found if picture is not None]


def _facts(plan: Plan) -> list[tuple[str, str]]:
    load = "" if plan.load is None else f", load {plan.load:g}"
    return [
        ("scenario", safe(plan.scenario.name)),
        ("work", f"{safe(plan.trace or 'drawn work')}{load}"),
        ("plays of each point", str(plan.plays)),
        ("seed", str(plan.seed)),
        ("digest of the scenario", f"<code>{plan.scenario.digest()}</code>"),
    ]


def _points(plan: Plan, policy: str) -> str:
    heads = [
        *(("total bill", "$ per week"), ("over chosen", "$ per week"), ("avoidable", "$ per week")),
        *(("floors", "$ per week"), ("unused", "$ per week"), ("wait p95", "hours")),
    ]
    rows = [(_label(setting), _cells(plan, plan.points[setting, policy])) for setting in plan.settings]
    is_open = " open" if policy == plan.chosen.policy else ""
    return f"<details{is_open}><summary>{safe(policy)}</summary>{_table('commitment', heads, rows)}</details>"


def _label(setting: Setting) -> str:
    return f"× {plain_level(setting.level)}, burst {'on' if setting.burst else 'off'}"


def _cells(plan: Plan, point: Played | None) -> list[str]:
    if point is None:
        return ["more waits than the world can hold", *[NOTHING] * 5]
    if point is plan.chosen:
        over = "<span class=gain>chosen ★</span>"
    else:
        more = point.more_than(plan.chosen)
        over = _figure(more, signed) + (" =" if more.low <= 0 <= more.high else "")
    return [
        _figure(point.weekly(point.bill), plain),
        over,
        _figure(point.weekly(point.avoidable), plain),
        plain(point.mean("floors")),
        plain(point.mean("floors") - point.mean("used")),
        _figure(point.wait_p95, number) + (" ↑" if point.grows else ""),
    ]


def _figure(found: Interval | None, form: Callable[[float], str]) -> str:
    """A value with its interval; nothing where there is none."""
    if found is None or found.value != found.value:
        return NOTHING
    ends = f" <small>[{form(found.low)}, {form(found.high)}]</small>" if found.low == found.low else ""
    return f"{form(found.value)}{ends}"


def _bills(point: Played | None) -> list[str]:
    """Total bill and avoidable cost of another world."""
    if point is None:
        return ["more waits than the world can hold", NOTHING]
    mark = " ↑" if point.grows else ""
    return [_figure(point.weekly(point.bill), plain) + mark, _figure(point.weekly(point.avoidable), plain)]


def _tables(plan: Plan) -> list[str]:
    """Values, margins, true-ups, events and assumptions."""
    week, both = "$ per week", (("bill", "$ per week"), ("avoidable", "$ per week"))
    values: list[Row] = [
        (safe(one.name), [*_bills(one.without), _figure(one.worth, plain), _figure(one.avoidable, plain)])
        for one in plan.values
    ]
    contracts: list[Row] = [
        (safe(name), [*_bills(one), NOTHING if one is None else _figure(one.wait_p95, number)])
        for name, one in plan.contracts.items()
    ]
    margins: list[Row] = [
        (
            f"{one.unit} more, × {plain_level(one.low.level)} to {plain_level(one.high.level)}",
            [_figure(one.saves, plain), _figure(one.costs, plain), _figure(one.net, plain)],
        )
        for one in plan.margins
    ]
    true_ups: list[Row] = [
        (
            f"{safe(one.provider)}, period {one.period}",
            [
                NOTHING if one.ends_at_day is None else f"{one.ends_at_day:g}",
                *(plain(amount) for amount in (one.floor, one.drawn)),
                f"{plain(one.mean_unused)} <small>[{plain(one.unused[0])}, {plain(one.unused[-1])}]</small>",
                percent(one.chance),
                plain(one.overage),
            ],
        )
        for one in some(plan.true_ups)[0]
    ]
    happening: list[Row] = [
        (
            safe(one.name),
            [
                *_bills(one.there),
                *(_figure(found, signed) for found in (one.bill, one.avoidable)),
                NOTHING if one.bill is None else signed(one.bill.value * one.weeks),
            ],
        )
        for one in plan.events
    ]
    wrong: list[Row] = [
        (
            f"{safe(one.name)} × {one.factor}",
            [*_bills(one.there), *(_figure(found, signed) for found in (one.bill, one.avoidable))],
        )
        for one in plan.bars
    ]
    rises = (("bill rises by", week), ("avoidable by", week))
    period, falls = "$ in a period", (("bill falls by", week), ("avoidable by", week))
    found = (
        ("Contracts at the chosen commitment", "with", [*both, ("wait p95", "hours")], contracts),
        ("What contracts and routing are worth", "without", [*both, *falls], values),
        ("Marginal value of commitment", "", [("saves", week), ("floors", week), ("bill falls by", week)], margins),
        (
            f"Forecast of the shortfall at true-up{some(plan.true_ups)[1].rstrip('.').replace(' Shown', ': shown')}",
            "commitment",
            [
                ("trued up", "day"), ("floor", period), ("drawn", period), ("unused, 5 to 95 %", period),
                ("chance", "%"), ("overage", period),
            ],
            true_ups,
        ),
        ("What may happen", "if", [*both, *rises, ("over the span", "$")], happening),
        ("If an assumption is wrong", "if", [*both, *rises], wrong),
    )  # fmt: skip
    return [f"<h3>{title}</h3>{_table(corner, heads, rows)}" for title, corner, heads, rows in found if rows]


def _table(corner: str, heads: Sequence[tuple[str, str]], rows: Sequence[Row]) -> str:
    """A table whose rows become cards where the page has no room."""
    head = "".join(f"<th scope=col>{name} <small>{unit}</small></th>" for name, unit in heads)
    body = ""
    for label, cells in rows:
        labelled = zip(heads, cells, strict=True)
        own = "".join(
            f'<td data-label="{name}, {unit.replace(" per ", "/")}"><span>{cell}</span></td>'
            for (name, unit), cell in labelled
        )
        body += f"<tr><th scope=row>{label}</th>{own}</tr>"
    corner_cell = f"<th scope=col>{corner}</th>"
    return f"<table class=policies><thead><tr>{corner_cell}{head}</tr></thead><tbody>{body}</tbody></table>"
