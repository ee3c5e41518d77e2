"""How long a plan over five years takes: 11 levels of the commitment, with and without burst, 5 seeds, on two cores.

Each play is five years of the coarse flagship; the journal begins empty. The sweep of levels is measured by itself, and
with all that a plan makes of its answer (contracts, events, assumptions).
"""

import os
import tempfile
import time
from pathlib import Path

from parts.machine import described
from parts.results import parser, publish, table

from tidegate.agents.plan.journal import opened
from tidegate.agents.plan.levels import Setting, at, levels_of
from tidegate.agents.plan.plan import Planner
from tidegate.agents.plan.sweep import Players, Sweep, World, whole_span
from tidegate.envs.scenario import load

SCENARIOS = ("colossus1_gcp_planning", "colossus1_gcp_faithful_planning")
LEVELS, PLAYS, CORES = "0.8:1.2:11", 5, 2
POLICY = "best-tuned"


def main() -> None:
    wanted = parser(__doc__)
    wanted.add_argument("--scenario", action="append", help=f"(default: {' and '.join(SCENARIOS)})")
    given = wanted.parse_args()
    os.environ["TIDEGATE_THREADS"] = str(CORES)
    machine = described([], "two were")
    once(SCENARIOS[0], "1", 1)  # compiles
    rows = [measured(name) for name in given.scenario or SCENARIOS]
    head = [
        "five years",
        "points",
        "plays",
        "overloaded",
        "sweep, s",
        "of which CPU, s",
        "whole plan, s",
        "of which CPU, s",
    ]
    publish("plan", machine, 1, [table(head, rows)], given.write)


def measured(name: str) -> list[str]:
    """One scenario: its sweep, then the rest of the plan from the same journal."""
    scenario = whole_span(load(name))
    players = Players(load(name), name, [POLICY])
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "plan.jsonl") as journal:
        sweep = Sweep(journal, 1, PLAYS)
        began, used = time.perf_counter(), time.process_time()
        settings = [Setting(level, burst) for burst in (True, False) for level in levels_of(LEVELS)]
        worlds = [World(one.words, at(scenario, one)) for one in settings]
        found = sweep.play(worlds, players)
        swept, swept_cpu = time.perf_counter() - began, time.process_time() - used
        Planner(scenario, players, Sweep(journal, 1, PLAYS), None, lambda *_: None).plan(
            levels_of(LEVELS), (True, False)
        )
        whole, whole_cpu = time.perf_counter() - began, time.process_time() - used
        overloaded = sum(tallies is None for tallies in found.values())
        seconds = (f"{one:,.0f}" for one in (swept, swept_cpu, whole, whole_cpu))
        return [name, str(len(found)), str(len(found) * PLAYS), str(overloaded), *seconds]


def once(name: str, levels: str, plays: int) -> None:
    """A point, not counted."""
    scenario = whole_span(load(name))
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "plan.jsonl") as journal:
        worlds = [World("there", at(scenario, Setting(levels_of(levels)[0])))]
        Sweep(journal, 1, plays).play(worlds, Players(load(name), name, [POLICY]))


if __name__ == "__main__":
    main()
