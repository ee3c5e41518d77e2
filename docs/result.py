"""Puts an evaluation into README: `tidegate evaluate mid_lab … --json | python docs/result.py`.

The second policy is the one that the headline is about, beside the first. Of several evaluations the first makes the
table, and the others, with other delay factors, the end of the headline.
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- result: begin -->", "<!-- result: end -->"
HEAD = ("policy", "avoidable cost", "saved, of avoidable", "saved, of the bill", "burst", "delay", "wait p95, h")


def main() -> None:
    """Read the reports from stdin, and rewrite what stands between the markers."""
    found = json.load(sys.stdin)
    text = rendered(*found.get("cells", [found]))
    document = README.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    README.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", document), encoding="utf-8")
    print(text)


def rendered(report: dict[str, Any], *others: dict[str, Any]) -> str:
    """The reports in Markdown."""
    work = "drawn work" if report["trace"] is None else report["trace"]
    unit = {"week": "weeks", "stretch": "stretches"}.get(report["block"], "episodes")
    savings = savings_of(report)
    rows = [row(policy, savings.get(policy["policy"])) for policy in report["policies"]]
    lines = [HEAD, ("---", *("---:" for _ in HEAD[1:])), *rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    about = f"`{report['scenario']}`, {work}, {report['episodes']} episodes, seed {report['seed']}."
    return (
        f"{headline(report, others)}\n\n{about} Dollars per week, with bootstrap 95 % intervals over {unit}.\n\n{table}"
    )


def savings_of(report: dict[str, Any]) -> dict[str, Any]:
    """Comparisons with the first policy, by name."""
    return {comparison["policy"]: comparison for comparison in report["comparisons"]}


def headline(report: dict[str, Any], others: Sequence[dict[str, Any]]) -> str:
    """What the second policy comes to beside the first: the bill, its avoidable part, the bound, other delay costs."""
    rule, policy = report["policies"][:2]
    saving = savings_of(report)[policy["policy"]]
    bills, costs = ([money(one[of]["mean"]) for one in (rule, policy)] for of in ("total_bill", "avoidable_cost"))
    of_bill, of_avoidable = percent(saving["of_total_bill"]), percent(saving)
    parts = [
        f"**The total bill falls from {bills[0]} to {bills[1]} dollars a week, {of_bill}; what is avoidable of it, all "
        f"but the floors of commitments, from {costs[0]} to {costs[1]}, {of_avoidable}**, against the best tuned rule "
        "with the same offers and re-offers."
    ]
    gap = report["gaps"].get(policy["policy"])
    if gap is not None:
        share = f"{100 * gap['to_bound']['share']:.0f} %"
        parts.append(f"On the weeks that were bounded that is {share} of the way to what nobody could undercut.")
    for other in others:
        saved = percent(savings_of(other)[policy["policy"]])
        parts.append(f"With delay at {other['delay_factor']:g} × its cost it saves {saved}.")
    return " ".join(parts)


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
