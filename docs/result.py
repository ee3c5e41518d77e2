"""Puts an evaluation into README's table: `tidegate evaluate mid_lab … --json | python docs/result.py`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- result: begin -->", "<!-- result: end -->"
HEAD = ("policy", "avoidable cost", "saved, of avoidable", "saved, of the bill", "burst", "delay", "wait p95, h")


def main() -> None:
    """Read the report from stdin, and rewrite what stands between the markers."""
    text = rendered(json.load(sys.stdin))
    document = README.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    README.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", document), encoding="utf-8")
    print(text)


def rendered(report: dict[str, Any]) -> str:
    """The report in Markdown."""
    first = report["policies"][0]
    work = "drawn work" if report["trace"] is None else report["trace"]
    unit = {"week": "weeks", "stretch": "stretches"}.get(report["block"], "episodes")
    savings = {comparison["policy"]: comparison for comparison in report["comparisons"]}
    rows = [row(policy, savings.get(policy["policy"])) for policy in report["policies"]]
    lines = [HEAD, ("---", *("---:" for _ in HEAD[1:])), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    about = f"`{report['scenario']}`, {work}, {report['episodes']} episodes, seed {report['seed']}."
    return (
        f"{about} Dollars per week, with bootstrap 95 % intervals over {unit}.\n\n{table}\n\n"
        f"The total bill under {first['policy']} is {money(first['total_bill']['mean'])} a week, of which "
        f"{money(first['floors'])} are floors that no policy changes."
    )


def row(policy: dict[str, Any], saving: dict[str, Any] | None) -> tuple[str, ...]:
    """One policy; `saving` is its comparison with the first, which has none."""
    cost = policy["avoidable_cost"]
    saved = ("–", "–") if saving is None else (percent(saving), percent(saving["of_total_bill"]))
    p95 = policy["wait_hours"]["p95"]
    return (
        Path(policy["policy"]).name,
        f"{money(cost['mean'])} [{money(cost['low'])}, {money(cost['high'])}]",
        *saved,
        money(policy["burst"]),
        money(policy["delay"]),
        "–" if p95 is None else f"{p95:.2f}",
    )


def money(dollars: float | None) -> str:
    """Dollars, from 10,000 on in thousands."""
    if dollars is None:
        return "–"
    return f"{dollars / 1000:,.1f}k" if abs(dollars) >= 10_000 else f"{dollars:,.0f}"


def percent(interval: dict[str, Any]) -> str:
    """A saving with its interval, in per cent."""
    value, low, high = (interval[name] for name in ("saving", "low", "high"))
    ends = "" if low is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * value:.1f} %{ends}".replace("-", "−")


if __name__ == "__main__":
    main()
