"""Who wins where: every rule in every scenario, on recorded traces, and how much room there is above the best.

    python benchmarks/evaluation.py [PART] [--only NAME] [--episodes N]

plays, of one part (scenarios, traces, rolling_lp, headroom, learned, learned_traces, closed) or of all, what is not in
build/results/ yet, and writes benchmarks/results/PART.md from all that is there. It can be stopped and goes on; remove
build/results/ to begin anew. Losses stand in the tables as they are.
"""

import argparse
import inspect
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from parts.machine import processor
from parts.results import table

from tidegate.agents.bound.headroom import cost_of, headroom
from tidegate.agents.bound.record import to_json as bounds_json
from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.grid import Cell, evaluated
from tidegate.agents.evaluation.policies import resolve, shipped
from tidegate.agents.evaluation.record import to_json
from tidegate.agents.evaluation.source import Source
from tidegate.agents.evaluation.table import end
from tidegate.agents.rules.catalogue import RULES, TUNABLE
from tidegate.agents.tuning.tuned import is_tuned, load_tuned
from tidegate.envs.scenario import Scenario, load, names
from tidegate.envs.traces.read import read
from tidegate.fastsim.errors import InputError

ROOT = Path(__file__).parents[1]
KEPT, TABLES = ROOT / "build" / "results", ROOT / "benchmarks" / "results"
SHARED = Path(os.environ.get("TIDEGATE_SHARED", ROOT / ".." / "shared")) / "traces"
SEED = 1
EPISODES = {"small_team": 256, "spot_only_burst": 256, "recall_notice": 8, "colossus1_gcp_five_years": 64}
# Others: 16, or eight stretches; of those that a plan for each hour is played in, too.
PLANNED = {"small_team": 64, "spot_only_burst": 64, "recall_notice": 4, "colossus1_gcp_five_years": 16}
# Where learned policies are judged; others: 64 stretches.
JUDGED = {
    "colossus1_gcp": 32,
    "colossus1_gcp_faithful": 32,
    "colossus1_gcp_five_years": 16,
    "power_cut": 16,
    "ramp_slip": 32,
    "recall_notice": 8,
}
LARGEST = 30  # jobs of a week whose offers the clairvoyant tries, each time to the end of the future: hundreds of them
FLAGSHIPS = ("colossus1_gcp_faithful", "colossus1_gcp_five_years", "ramp_slip", "power_cut")
BOUNDED: dict[str, int] = dict.fromkeys(FLAGSHIPS, 2)  # others: 4
# A window of 90 days takes 160 times as long as a week: here it is the week in which the machines go, on day 98.
WEEKS = {"recall_notice": {"warm_up_days": 95, "evaluation_days": 7, "span_days": 144}}
TRACES = ("acme_kalos_weeks1to6", "helios_venus_jul", "helios_venus_apr_jun", "philly_clean", "alibaba_pai_days1to45")
LOADS = (0.6, 0.9, 1.2)
REPLAYED = "mid_lab"  # its committed site is 8 times the largest gang of any of them
GENERAL = ("generalist",)  # learned on random variants
BASED_ON = {  # what was learned on a scenario plays those that are based on it, too
    "small_team": ("spot_only_burst",),
    "mid_lab": (
        "launch_week",
        "overcommitted",
        "pretrain_blocker",
        "rapid_prototyping",
        "recall_notice",
        "strategic_reserve",
        "three_providers",
        "undercommitted",
    ),
    "colossus1_gcp": ("colossus1_gcp_five_years", "colossus1_gcp_planning", "power_cut", "ramp_slip"),
}
UNENDING = "burst-only"  # its queue may only grow: left out on traces, and where a world cannot hold it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=PARTS)
    parser.add_argument("--only", help="one scenario, or one trace")
    parser.add_argument("--episodes", type=int, help="of every cell, instead of the numbers above")
    given = parser.parse_args()
    for part in PARTS if given.part is None else [given.part]:
        run(part, given.only, given.episodes)


def run(part: str, only: str | None, episodes: int | None) -> None:
    """Play what is not there yet of a part, and write its table."""
    cells, show = PARTS[part]
    for name, play in cells(episodes):
        if only is None or name.split("@")[0] == only:
            kept(part, name, play)
    there = [json.loads(path.read_text()) for path in sorted((KEPT / part).glob("*.json"))]
    head = f"`python benchmarks/evaluation.py {part}`, {datetime.now(UTC).date().isoformat()}, {processor()}."
    TABLES.mkdir(exist_ok=True)
    about = inspect.cleandoc(show.__doc__)
    (TABLES / f"{part}.md").write_text(f"{about}\n\n{head}\n\n{show(there)}\n", encoding="utf-8")


def kept(part: str, name: str, play: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was kept of one cell of a part; it is played where nothing is."""
    path = KEPT / part / f"{name}.json"
    if not path.exists():
        began = time.perf_counter()
        found = play()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found | {"seconds": time.perf_counter() - began}))
        print(f"{part} {name}: {time.perf_counter() - began:.0f} s", flush=True)
    return json.loads(path.read_text())


def policies(scenario: Scenario) -> list[str]:
    """All rules with tuned knobs, the best of them first; cost-greedy first where none are tuned."""
    if not is_tuned(scenario.name, scenario):
        return sorted(RULES, key=lambda name: name != "cost-greedy")
    tuned = load_tuned(scenario.name, scenario).tuned
    others = [name for name in RULES if name != tuned.best]
    return ["best-tuned", *(f"tuned:{name}" if name in TUNABLE else name for name in others)]


Part = Iterator[tuple[str, Callable[[], dict[str, Any]]]]


def scenarios(episodes: int | None) -> Part:
    """Every scenario."""
    for name in names():
        count = episodes or EPISODES.get(name, max(16, 8 * load(name).episodes.evaluation_windows))
        yield name, lambda name=name, count=count: cell(Cell(name, load(name), None, None, 1.0), count)


def planned(episodes: int | None) -> Part:
    """Every scenario again, with fewer episodes where one takes long: a plan for each hour."""
    for name in names():
        count = episodes or PLANNED.get(name, max(16, 8 * load(name).episodes.evaluation_windows))
        chosen = list(dict.fromkeys([policies(load(name))[0], "cost-greedy", "rolling-lp"]))
        yield (
            name,
            lambda name=name, count=count, chosen=chosen: cell(
                Cell(name, load(name), None, None, 1.0), count, chosen=chosen
            ),
        )


def learned(episodes: int | None) -> Part:
    """Every scenario under the best rule and what was learned: for it, for what it is based on, for all."""
    for name in names():
        scenario = load(name)
        count = episodes or JUDGED.get(name, 64 * scenario.episodes.evaluation_windows)
        chosen = [policies(scenario)[0], *learned_for(name)]
        yield name, lambda name=name, count=count, chosen=chosen: cell(world(name), count, chosen=chosen)


def learned_for(name: str) -> list[str]:
    """Policies that play a scenario: what was learned on it, on what it is based on, and for all."""
    own = [one for one in shipped() if one == name or name in BASED_ON.get(one, ())]
    return list(dict.fromkeys([*own, *(one for one in GENERAL if one in shipped())]))


def learned_traces(episodes: int | None) -> Part:
    """Every trace at every load, the same way."""
    chosen = [policies(load(REPLAYED))[0], *(one for one in (REPLAYED, *GENERAL) if one in shipped())]
    for trace in TRACES:
        for at in LOADS:
            yield (
                f"{trace}@{at}",
                lambda trace=trace, at=at: cell(
                    Cell(REPLAYED, load(REPLAYED), read(SHARED / f"{trace}.parquet"), at, 1.0),
                    episodes or 2,
                    chosen=chosen,
                ),
            )


def world(name: str) -> Cell:
    """A scenario with its own load and costs."""
    return Cell(name, load(name), None, None, 1.0)


def traces(episodes: int | None) -> Part:
    """Every trace at every load."""
    for trace in TRACES:
        for at in LOADS:
            yield (
                f"{trace}@{at}",
                lambda trace=trace, at=at: cell(
                    Cell(REPLAYED, load(REPLAYED), read(SHARED / f"{trace}.parquet"), at, 1.0), episodes or 2, UNENDING
                ),
            )


def cell(one: Cell, episodes: int, without: str | None = None, chosen: Sequence[str] | None = None) -> dict[str, Any]:
    """One evaluation, of all rules or of those that are `chosen`; rows are left out, they are many."""
    chosen = chosen or [name for name in policies(one.scenario) if name != without]
    agents = [resolve(name, one.scenario, one.where) for name in chosen]
    try:
        (report,) = evaluated([one], lambda _: agents, episodes, SEED)
    except InputError as error:
        if error.where == "simulator" and UNENDING in chosen:  # more waits for burst than a world can hold
            return cell(one, episodes, UNENDING)
        return {"scenario": one.where, "trace": None, "load": one.load, "error": str(error)}
    found = to_json(report)
    for policy in found["policies"]:
        del policy["rows"]
        if policy["policy"] == "best-tuned":
            policy["policy"] = f"tuned:{load_tuned(one.where, one.scenario).tuned.best}, the best"
    return found


def bounds(episodes: int | None) -> Part:
    """The first episodes of every scenario."""
    for name in names():
        count = BOUNDED.get(name, episodes or 4)
        yield name, lambda name=name, count=count: bounded(name, count)


def bounded(name: str, episodes: int) -> dict[str, Any]:
    """Headroom of one scenario above its first policy."""
    base = resolve(policies(load(name))[0], load(name), name)
    return bounds_json(headroom(single(name), base, (), episodes, LARGEST))  # type: ignore[arg-type]


def single(name: str) -> Source:
    """The episodes that are bounded, one by one."""
    scenario = load(name)
    spans = scenario.episodes.model_copy(update=WEEKS.get(name, {}))
    return Source(scenario.model_copy(update={"episodes": spans}), SEED, windows=1)


def gap(episodes: int | None) -> Part:
    """Learned policies on the episodes of the part headroom; that is played first where nothing is kept, in an hour."""
    for name, play in bounds(episodes):
        yield name, lambda name=name, play=play: beside(name, kept("headroom", name, play))


def beside(name: str, headroom: dict[str, Any]) -> dict[str, Any]:
    """Headroom, and beside it what learned policies come to on its episodes."""
    return headroom | {"learned": alone(name, headroom["episodes"])}


def alone(name: str, count: int) -> dict[str, float]:
    """Mean avoidable cost of each learned policy on the first `count` episodes that are bounded, dollars."""
    source = single(name)
    agents = [resolve(one, load(name), name) for one in learned_for(name)]
    chunks = [Chunk(source.spec, [source.episode(number)]) for number in range(count)]
    return {agent.name: mean(cost_of(chunk, agent) for chunk in chunks) for agent in agents}


def compared(found: list[dict[str, Any]]) -> str:
    """Avoidable cost of every rule, and what it saves against the first, with 95 % intervals; a minus is a loss.

    A star: it stands among all comparisons of its scenario (Holm). What is resampled are stretches of 1 to 8 weeks in a
    row: 256 episodes of `small_team` are 64, 64 of others 8, and intervals of 8 or fewer rest on little.
    """
    rows = []
    for label, one in labelled(found):
        if "error" in one:
            rows.append([label, one["error"], "", "", "", ""])
            continue
        savings = {comparison["policy"]: comparison for comparison in one["comparisons"]}
        for place, policy in enumerate(one["policies"]):
            saved = savings.get(policy["policy"])
            rows.append(
                [
                    label if place == 0 else "",
                    policy["policy"],
                    f"{policy['avoidable_cost']['mean'] / 1000:z,.1f}",
                    "–" if saved is None else interval(saved),
                    "–" if saved is None else f"{100 * saved['of_total_bill']['saving']:z.1f}",
                    "–" if policy["wait_hours"]["p95"] is None else f"{policy['wait_hours']['p95']:.2f}",
                ]
            )
    head = ["(episodes)", "policy", "avoidable, k$ a week", "saved, % of avoidable", "% of the bill", "wait p95, h"]
    return table(head, rows)


def labelled(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each evaluation with what its first row is called: world or trace, and how many episodes."""
    for one in found:
        label = one["scenario"] if one["trace"] is None else f"{one['trace']}, load {one['load']:g}"
        yield (label if "error" in one else f"{label} ({one['episodes']})"), one


def interval(saved: dict[str, Any]) -> str:
    """Per cent with its interval, and a star where it stands against all comparisons of its evaluation (Holm).

    Ends beyond 999 are not written out: the costs of one policy lie in a few stretches then, and say little.
    """
    if saved["saving"] is None:
        return "–"
    star = " *" if saved["adjusted_p"] < 0.05 else ""
    if saved["low"] is None:
        return f"{100 * saved['saving']:.1f}"
    return f"{100 * saved['saving']:.1f} [{end(saved['low'])}, {end(saved['high'])}]{star}"


def judged(found: list[dict[str, Any]]) -> str:
    """What learned policies save against the best tuned rule, with 95 % intervals; a minus is a loss.

    A star: it stands among all comparisons of its scenario (Holm). What is resampled are stretches of 1 to 8 weeks in a
    row. Policies bear the names of what they were learned on; `generalist` was learned on random variants. The last
    column is the 95th percentile of waits beside that of the rule.
    """
    rows = []
    for label, one in labelled(found):
        if "error" in one:
            rows.append([label, one["error"], "", "", "", ""])
            continue
        first, *others = one["policies"]
        savings = {comparison["policy"]: comparison for comparison in one["comparisons"]}
        for place, policy in enumerate(others):
            saved, waits = savings[policy["policy"]], [p["wait_hours"]["p95"] for p in (policy, first)]
            rows.append(
                [
                    label if place == 0 else "",
                    f"{first['policy']}: {first['avoidable_cost']['mean'] / 1000:z,.1f}" if place == 0 else "",
                    policy["policy"],
                    f"{policy['avoidable_cost']['mean'] / 1000:z,.1f}",
                    interval(saved),
                    "–" if None in waits or not waits[1] else f"{100 * (waits[0] / waits[1] - 1):+.0f}",
                ]
            )
    head = ["(episodes)", "best rule, k$ a week", "learned", "k$ a week", "saved, % of avoidable", "wait p95, %"]
    return table(head, rows)


def gaps(found: list[dict[str, Any]]) -> str:
    """How much cheaper than the best rule the clairvoyant is, and the bound: % of its avoidable cost per episode.

    The clairvoyant tries every action for the 30 largest jobs of a week in the true future, and follows the rule for
    all others: what foresight reaches at least. Of `recall_notice`, whose windows are 90 days long, it is the week from
    day 95 on, in which the machines go. ≥ and ≤: in an episode or more the solver came to its limit, 300 s.
    """
    rows = []
    for one in found:
        base = one["policy_means"][one["base"]]
        below = [f"{100 * (1 - one[name] / base):.1f}" if base else "–" for name in ("clairvoyant_mean", "bound_mean")]
        seconds = one["solver_seconds"]
        costs = [f"{value / 1000:,.1f}" for value in (base, one["clairvoyant_mean"], one["bound_mean"])]
        if not all(one["is_solved"]):  # of some episodes no bound is known but 0
            costs[2], below[1] = f"≥ {costs[2]}", f"≤ {below[1]}"
        rows.append([one["scenario"], one["base"], str(one["episodes"]), *costs, *below, f"{max(seconds):.0f}"])
    head = [
        "scenario",
        "policy",
        "episodes",
        "its cost, k$",
        "clairvoyant",
        "bound",
        "clairvoyant, % below",
        "bound, % below",
    ]
    return table([*head, "longest solve, s"], rows)


def closed(found: list[dict[str, Any]]) -> str:
    """How far learned policies come from the best tuned rule to a clairvoyant, and to what nobody can undercut.

    On the same few episodes as headroom.md, from which the rule's, the clairvoyant's and the bound's costs are. 100 %:
    as cheap as the clairvoyant, who betters the rule's choices for the largest jobs only, so that a policy may pass it.
    """
    rows = []
    for one in found:
        rule, others = one["policy_means"][one["base"]], (one["clairvoyant_mean"], one["bound_mean"])
        for place, (name, cost) in enumerate(one["learned"].items()):
            label = f"{one['scenario']} ({one['episodes']})" if place == 0 else ""
            below = f"{100 * (1 - others[0] / rule):.1f}" if place == 0 else ""
            shares = [f"{100 * (rule - cost) / (rule - other):.0f}" for other in others]
            rows.append([label, below, name, f"{100 * (1 - cost / rule):.1f}", *shares])
    head = ["(episodes)", "clairvoyant, % below the rule", "learned", "% below the rule"]
    return table([*head, "of the gap to the clairvoyant, %", "of that to the bound, %"], rows)


def replayed(found: list[dict[str, Any]]) -> str:
    """Avoidable cost of every rule on recorded traces in `mid_lab`'s world, and what it saves against the first.

    With 95 % intervals; a minus is a loss. The world is several times as large as what was recorded, so that a load is
    made of up to 33 copies of a trace, turned by whole weeks: weeks share jobs, and the intervals show less than
    another recording would change.
    """
    return compared(found)


def hourly(found: list[dict[str, Any]]) -> str:
    """What the rolling LP, and cost-greedy with default knobs, save against the best tuned rule; a minus is a loss."""
    return compared(found)


PARTS: dict[str, Any] = {
    "scenarios": (scenarios, compared),
    "traces": (traces, replayed),
    "rolling_lp": (planned, hourly),
    "headroom": (bounds, gaps),
    "learned": (learned, judged),
    "learned_traces": (learned_traces, judged),
    "closed": (gap, closed),
}


if __name__ == "__main__":
    main()
