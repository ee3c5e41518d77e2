"""What was found: a table by file, the survivors, and JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tidegate.agents.verbs.output import print_table

from .sandbox import Verdict

ENOUGH = 0.95  # share of mutants that the tests must see
GROUPS = ("toy", "world", "episode", "line", "golden", "other")  # the first words of the names of checks


def share(verdicts: Sequence[Verdict]) -> float:
    """Share of mutants that were killed."""
    return sum(verdict.is_killed for verdict in verdicts) / len(verdicts)


def group(verdict: Verdict) -> str:
    """Which kind of check killed it, or `survived`."""
    word = verdict.check.partition(" ")[0]
    if not word:
        return "survived"
    return word if word in GROUPS else "other"


def show(verdicts: Sequence[Verdict]) -> None:
    """The table on stdout: for each source file, how many mutants each kind of check was the first to see."""
    files = sorted({verdict.mutant.file for verdict in verdicts})
    counts = Counter((verdict.mutant.file, group(verdict)) for verdict in verdicts)
    head = ["file", "mutants", *(f"by {name}" for name in GROUPS), "survived"]
    rows = []
    for file in files:
        found = [counts[file, name] for name in (*GROUPS, "survived")]
        rows.append([f"fastsim/{file}", str(sum(found)), *map(str, found)])
    sums = [sum(int(row[column]) for row in rows) for column in range(1, len(head))]
    print_table(head, [*rows, ["all", *map(str, sums)]])
    print()
    for verdict in verdicts:
        if not verdict.is_killed:
            print(f"survived: {verdict.mutant.file}: {verdict.mutant.name}")
    killed = sum(verdict.is_killed for verdict in verdicts)
    print(f"{killed} of {len(verdicts)} mutants killed, {share(verdicts):.1%}; {ENOUGH:.0%} are enough")


def as_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "mutants": len(verdicts),
        "killed": sum(verdict.is_killed for verdict in verdicts),
        "verdicts": [
            {
                "name": verdict.mutant.name,
                "file": verdict.mutant.file,
                "killed": verdict.is_killed,
                "check": verdict.check,
                "why": verdict.why,
                "seconds": round(verdict.seconds, 1),
            }
            for verdict in verdicts
        ],
    }
