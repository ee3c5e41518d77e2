"""Makes a worked example of docs/plan.md again: `python docs/plans.py small_team`, or `flagship`.

It runs the example's command, which goes on from its journal, writes what that says between the example's markers, and
puts the page, the JSON and the bill of the chosen point into runs/plan/.
"""

import io
import json
import re
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tidegate.agents.cli import main as tidegate

DOCUMENT = Path(__file__).with_name("plan.md")
FOLDER = Path("runs/plan")
COMMANDS = {
    "small_team": "tidegate plan small_team --commit 0.5:1.5:11 --burst on,off --plays 16 --seed 1",
    "flagship": "tidegate plan colossus1_gcp --whole --commit 0.8:1.2:11 --burst on,off --plays 5 --seed 1",
}
HEAD = ("commitment, burst", "total bill", "over chosen", "avoidable", "unused", "wait p95, h")
OVERLOADED = "more waits than the world can hold"


def main() -> None:
    """Play the example that is named, and rewrite what stands between its markers."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in COMMANDS:
        raise SystemExit(f"python docs/plans.py {' | '.join(COMMANDS)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = FOLDER / name
    files = ["--report", f"{place}.html", "--focus", f"{place}.csv", "--json"]
    text = io.StringIO()
    with redirect_stdout(text):
        tidegate([*shlex.split(COMMANDS[name])[1:], *files])
    Path(f"{place}.json").write_text(text.getvalue(), encoding="utf-8")
    written = f"    {COMMANDS[name]}\n\n{rendered(json.loads(text.getvalue()))}"
    document = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(replaced(document, name, written), encoding="utf-8")
    print(written)


def replaced(document: str, name: str, text: str) -> str:
    """The document with another text between the markers of an example."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", document)


def rendered(plan: dict[str, Any]) -> str:
    """A plan in Markdown: words, points, and the other tables."""
    words = "\n".join(f"- {sentence}" for sentence in plan["summary"])
    told = f"Every point under {plan['chosen']['policy']}, over {plan['plays']} plays, in dollars per week:"
    return "\n\n".join([words, told, points(plan), contracts(plan), values(plan), moves(plan)])


def points(plan: dict[str, Any]) -> str:
    """A row for each setting under the chosen policy, with the bills of the others behind it."""
    policy = plan["chosen"]["policy"]
    others = [name for name in plan["policies"] if name != policy]
    by_place = {(one["level"], one["burst"], one["policy"]): one for one in plan["points"]}
    rows = []
    for level, burst, own in by_place:
        if own != policy:
            continue
        bills = [bill(by_place[level, burst, name]) for name in others]
        rows.append((f"× {level:g}, {'on' if burst else 'off'}", *row(plan, by_place[level, burst, own]), *bills))
    return table((*HEAD, *(f"bill under {name}" for name in others)), rows)


def row(plan: dict[str, Any], point: dict[str, Any]) -> list[str]:
    """The figures of a point."""
    if point["is_overloaded"]:
        return [OVERLOADED, *[""] * 4]
    is_chosen = point["level"] == plan["chosen"]["level"] and point["burst"] == plan["chosen"]["burst"]
    over = "**chosen**" if is_chosen else figure(point["dearer_than_chosen"])
    waits = figure(point["wait_p95_hours"], hours) + (" ↑" if point["grows"] else "")
    return [bill(point), over, figure(point["avoidable_cost"]), money(point["commitment_unused"]), waits]


def bill(point: dict[str, Any]) -> str:
    """The total bill of a point."""
    return OVERLOADED if point["is_overloaded"] else figure(point["total_bill"])


def contracts(plan: dict[str, Any]) -> str:
    """Bills with both contracts and with each alone, at the chosen level."""
    rows = []
    for name, one in plan["contracts"].items():
        if one is None:
            rows.append((name, OVERLOADED, "", ""))
            continue
        waits = figure(one["wait_p95_hours"], hours) + (" ↑" if one["grows"] else "")
        rows.append((name, figure(one["total_bill"]), figure(one["avoidable_cost"]), waits))
    return table((f"× {plan['chosen']['level']:g} with", "total bill", "avoidable", "wait p95, h"), rows)


def values(plan: dict[str, Any]) -> str:
    """What contracts and routing are worth, in the same units."""
    rows = []
    for one in plan["values"]:
        if one["without"] is None:
            rows.append((one["name"], OVERLOADED, "", ""))
            continue
        share = f"{100 * one['share_of_bill']['value']:.1f} %"
        mark = " ↑" if one["without"]["grows"] else ""
        bill = figure(one["without"]["total_bill"]) + mark
        rows.append((one["name"], bill, figure(one["worth"]), share))
    return table(("worth of", "bill without it", "the bill rises by", "of that bill"), rows)


def moves(plan: dict[str, Any]) -> str:
    """Events and assumptions: by how much the bill and the avoidable cost of the chosen point move."""
    rows = []
    for one in (*plan["events"], *plan["tornado"]):
        label = f"{one['name']} × {one['factor']:g}" if "factor" in one else one["name"]
        if one["there"] is None:
            rows.append((label, OVERLOADED, ""))
        else:
            rows.append((label, figure(one["bill"]), figure(one["avoidable"])))
    return table(("if", "the bill rises by", "the avoidable cost by"), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns after the first are set to the right."""
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figure(found: dict[str, float | None], form: Any = None) -> str:
    """A value with its interval."""
    shown = form or money
    value, low, high = found["value"], found["low"], found["high"]
    if value is None:
        return "–"
    return shown(value) + ("" if low is None or high is None else f" [{shown(low)}, {shown(high)}]")


def money(dollars: float | None) -> str:
    """Dollars, short."""
    if dollars is None:
        return "–"
    sign, size = "−" if round(dollars) < 0 else "", abs(dollars)
    if size < 10_000:
        return f"{sign}{size:,.0f}"
    return f"{sign}{size / 1e3:,.1f}k" if size < 1e6 else f"{sign}{size / 1e6:,.2f}M"


def hours(value: float) -> str:
    """Hours, two places below 100."""
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


if __name__ == "__main__":
    main()
