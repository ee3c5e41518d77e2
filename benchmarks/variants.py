"""Worlds that nobody has seen: learned policies in random variants of scenarios, beside the rule tuned for their base.

    python benchmarks/variants.py [--number 24] [--write]

A variant has another load, mix, supply, prices, contract and number of sites (agents/evolution/randomised.py); those
played here are drawn under a seed of their own, so that no policy has learned from them. No policy has learned from
any variant of the families that are called kept out.
"""

import argparse
import math
from collections.abc import Sequence
from statistics import median

import numpy as np
from parts.machine import described
from parts.results import publish, table

from tidegate.agents.evaluation.episodes import CHOICE
from tidegate.agents.evaluation.policies import resolve, shipped
from tidegate.agents.evolution.evolve import checked
from tidegate.agents.evolution.objective import MOMENT, World
from tidegate.agents.evolution.worlds import worlds_of
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.threads import each

FAMILIES = ("small_team", "mid_lab", "three_providers", "pretrain_blocker", "colossus1_gcp_planning")
KEPT_OUT = ("spot_only_burst", "undercommitted", "rapid_prototyping", "overcommitted")
RULES = ("cost-greedy", "waiting-budget")
SEED, WEEKS = 2, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=24, help="of variants of each family (default 24)")
    parser.add_argument("--write", action="store_true", help="put the figures into benchmarks/RESULTS.md")
    given = parser.parse_args()
    names = [*shipped(), *RULES]
    rows = [row for family in (*FAMILIES, *KEPT_OUT) for row in played(family, names, given.number)]
    head = ["family", "policy", "cost, median", "cost, mean", "dearer in", "dearer by half in", "wait p95, median"]
    text = f"{given.number} variants of each family, {WEEKS} weeks of each; all beside the rule tuned for the base."
    publish("variants", described([], "all were"), 1, [table(head, rows), text], given.write)


def played(family: str, names: Sequence[str], number: int) -> list[list[str]]:
    """Rows of one family."""
    settings = checked(seed=SEED, episodes=WEEKS, variants=number)
    worlds = worlds_of([load(family)], settings, CHOICE, 0)
    agents = [one for name in names if isinstance(one := resolve(name), Agent)]
    found = each(lambda index: [beside(worlds[index], agent) for agent in agents], len(worlds))
    print(f"{family}: {len(worlds)} variants", flush=True)
    rows = []
    for place, (agent, pairs) in enumerate(zip(agents, zip(*found, strict=True), strict=True)):
        costs, waits = np.array(pairs).T
        parts = [median(costs), math.exp(float(np.log(costs).mean()))]
        shares = [f"{100 * float((costs > limit).mean()):.0f} %" for limit in (1.0, 1.5)]
        label = family + (" (kept out)" if family in KEPT_OUT else "")
        rows.append(
            [label if place == 0 else "", agent.name, *(f"{one:.2f}" for one in parts), *shares, f"{median(waits):.2f}"]
        )
    return rows


def beside(world: World, agent: Agent) -> tuple[float, float]:
    """Cost and p95 wait of an agent, in those of the rule."""
    found, rule = world.fare(agent), world.reference
    return max(found.cost, 1.0) / max(rule.cost, 1.0), max(found.wait, MOMENT) / max(rule.wait, MOMENT)


if __name__ == "__main__":
    main()
