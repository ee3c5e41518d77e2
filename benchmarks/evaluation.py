"""Who wins where: every rule in every scenario, on recorded traces, and how much room there is above the best.

    python benchmarks/evaluation.py [PART] [--only NAME] [--episodes N]

plays, of one part (scenarios, traces, rolling_lp, headroom, learned, learned_traces, closed, chosen, chosen_traces,
elsewhere, seeds) or of all, what is not in build/results/ yet, and writes benchmarks/results/PART.md from all that is
there. It can be stopped and goes on; remove build/results/ to begin anew. Losses stand in the tables as they are.
"""

import argparse
import inspect
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from parts.machine import processor
from parts.results import replaced
from parts.shown import (
    GENERALIST,
    closed,
    compared,
    gaps,
    general,
    hourly,
    judged,
    picked,
    picked_on_traces,
    replayed,
    seeded,
    untuned,
)

from tidegate.agents.bound.headroom import cost_of, headroom
from tidegate.agents.bound.record import to_json as bounds_json
from tidegate.agents.choosing.choose import choose
from tidegate.agents.choosing.chosen import Chosen, Settings
from tidegate.agents.choosing.chosen import place_of as place_of_choice
from tidegate.agents.choosing.library import FALLBACK, library
from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.grid import Cell, evaluated
from tidegate.agents.evaluation.policies import BEST, CHOSEN, TRAINED, resolve, resolve_all, shipped
from tidegate.agents.evaluation.record import to_json
from tidegate.agents.evaluation.report import with_groups
from tidegate.agents.evaluation.source import Source
from tidegate.agents.rules.catalogue import RULES, TUNABLE
from tidegate.agents.tuning.tuned import is_tuned, load_tuned, place_of
from tidegate.envs.scenario import Scenario, load, names
from tidegate.envs.traces.part import between
from tidegate.envs.traces.read import read
from tidegate.envs.traces.table import Trace
from tidegate.fastsim.agent import Agent, Player
from tidegate.fastsim.errors import InputError
from tidegate.trained.bundle import MANIFEST

ROOT = Path(__file__).parents[1]
KEPT, TABLES = ROOT / "build" / "results", ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
SHARED = Path(os.environ.get("TIDEGATE_SHARED", ROOT / ".." / "shared")) / "traces"
SEED = 1
EPISODES = {"small_team": 256, "spot_only_burst": 256, "recall_notice": 8, "colossus1_gcp_five_years": 64}
# Others: 16, or eight stretches; of those that a plan for each hour is played in, too.
PLANNED = {"small_team": 64, "spot_only_burst": 64, "recall_notice": 4, "colossus1_gcp_five_years": 16}
# Where learned policies are judged; others: 64 stretches.
JUDGED = {
    "small_team": 512,
    "spot_only_burst": 512,
    "colossus1_gcp": 32,
    "colossus1_gcp_faithful": 32,
    "colossus1_gcp_five_years": 16,
    "power_cut": 16,
    "ramp_slip": 32,
    "recall_notice": 32,
    "three_providers": 512,
}
LARGEST = 30  # jobs of a week whose offers the clairvoyant tries, each time to the end of the future: hundreds of them
FLAGSHIPS = ("colossus1_gcp_faithful", "colossus1_gcp_five_years", "ramp_slip", "power_cut")
BOUNDED: dict[str, int] = dict.fromkeys(FLAGSHIPS, 2)  # others: 4
# A window of 90 days takes 160 times as long as a week: here it is the week in which the machines go, on day 98.
WEEKS = {"recall_notice": {"warm_up_days": 95, "evaluation_days": 7, "span_days": 144}}
TRACES = ("acme_kalos_weeks1to6", "helios_venus_jul", "helios_venus_apr_jun", "philly_clean", "alibaba_pai_days1to45")
LOADS = (0.6, 0.9, 1.2)
REPLAYED = "mid_lab"  # its committed site is 8 times the largest gang of any of them
# On which days of which trace a policy is chosen, and on which it is judged.
PAST_AND_FUTURE = (
    (("acme_kalos_weeks1to6", 0, 21), ("acme_kalos_weeks1to6", 21, None)),
    (("alibaba_pai_days1to45", 0, 22), ("alibaba_pai_days1to45", 22, None)),
    (("helios_venus_apr_jun", 0, None), ("helios_venus_jul", 0, None)),
    (("helios_venus_apr_jun", 0, 45), ("helios_venus_apr_jun", 45, None)),
    (("philly_clean", 0, 45), ("philly_clean", 45, None)),
)
LONG = 1e6  # longer waits are no matter
GENERAL = (GENERALIST,)  # plays everywhere
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
SEEDS = ROOT / "runs" / "seeds"  # where `make seeds` learns each of these with several seeds
SEEDED = {
    "mid_lab": ("mid_lab", "launch_week", "three_providers", "undercommitted"),
    GENERALIST: ("mid_lab", "launch_week", "overcommitted", "undercommitted", "small_team"),
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
    if not there:  # nothing was learned with several seeds
        return
    head = f"`python benchmarks/evaluation.py {part}`, {datetime.now(UTC).date().isoformat()}, {processor()}."
    TABLES.mkdir(exist_ok=True)
    about = inspect.cleandoc(show.__doc__)
    shown = show(there)
    (TABLES / f"{part}.md").write_text(f"{about}\n\n{head}\n\n{shown}\n", encoding="utf-8")
    if part in IN_README:
        text = replaced(README.read_text(encoding="utf-8"), part, IN_README[part](there))
        README.write_text(text, encoding="utf-8")


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


def taught() -> list[str]:
    """Scenarios in which, or in variants of which, `generalist` was taught."""
    manifest = json.loads((TRAINED / GENERALIST / MANIFEST).read_bytes())
    return [manifest["scenario"]["name"], *(one["name"] for one in manifest["others"])]


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
    try:
        return played(one, [resolve(name, one.scenario, one.where) for name in chosen], episodes)
    except InputError as error:
        if error.where == "simulator" and UNENDING in chosen:  # more waits for burst than a world can hold
            return cell(one, episodes, UNENDING)
        return {"scenario": one.where, "trace": None, "load": one.load, "error": str(error)}


def played(
    one: Cell, agents: Sequence[Player], episodes: int, groups: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Any]:
    """One evaluation of some agents, of which `groups` differ by their training seed only."""
    (report,) = evaluated([one], lambda _: agents, episodes, SEED)
    found = to_json(with_groups(report, groups or {}))
    for policy in found["policies"]:
        del policy["rows"]
        if policy["policy"] == "best-tuned":
            policy["policy"] = f"tuned:{load_tuned(one.where, one.scenario).tuned.best}, the best"
    return found


def chosen(episodes: int | None) -> Part:
    """Every scenario under the best rule and what was chosen for it."""
    for name, play in learned(episodes):
        yield name, lambda name=name, play=play: picked_for(name, kept("learned", name, play))


def picked_for(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """One scenario, whose learned policies have been played: the rule and the choice that lies beside the scenario."""
    choice = Chosen.read(place_of_choice(name)).policy
    first, *others = found["policies"]
    if choice == BEST:  # the rule beside itself
        same = {"policy": choice, "saving": 0.0, "low": 0.0, "high": 0.0, "adjusted_p": 1.0}
        return found | {"choice": choice, "policies": [first, first], "comparisons": [same]}
    if choice not in {one["policy"] for one in others}:
        return cell(world(name), found["episodes"], chosen=[BEST, CHOSEN]) | {"choice": choice}
    own = [[one for one in found[key] if one["policy"] == choice] for key in ("policies", "comparisons")]
    return found | {"choice": choice, "policies": [first, *own[0]], "comparisons": own[1]}


def chosen_traces(episodes: int | None) -> Part:
    """The last days of every trace at every load, under the best rule and what was chosen on its first days."""
    for past, future in PAST_AND_FUTURE:
        for at in LOADS:
            yield (
                f"{future[0]}@{at}",
                lambda past=past, future=future, at=at: chosen_on_the_past(past, future, at, episodes or 2),
            )


def days_of(name: str, first: int, last: int | None) -> Trace:
    """Some days of a trace; all of it where it is not cut."""
    whole = read(SHARED / f"{name}.parquet")
    return whole if (first, last) == (0, None) else between(whole, first, last)


def chosen_on_the_past(past: Any, future: Any, at: float, episodes: int) -> dict[str, Any]:
    """One trace at one load."""
    scenario = load(REPLAYED)
    agents = [resolve(one, scenario, scenario.name) for one in library(scenario, scenario.name)]
    racing = [agent for agent in agents if isinstance(agent, Agent)]
    settings = Settings(episodes=episodes, seed=SEED, longer_waits=0.0)
    choice = choose(scenario, racing, settings, days_of(*past), at)
    (agent,) = [agent for agent in racing if agent.name == choice.policy]
    rest = Cell(scenario.name, scenario, days_of(*future), at, 1.0)
    pair = [resolve(policies(scenario)[0], scenario, scenario.name), replace(agent, name="chosen")]
    return played(rest, pair, episodes) | {"choice": choice.policy, "reason": choice.reason}


def elsewhere(episodes: int | None) -> Part:
    """Every scenario that has tuned rules of its own, under what can be had without tuning or learning for it."""
    for name in names():
        if place_of(name).exists():
            count = episodes or JUDGED.get(name, 32 * load(name).episodes.evaluation_windows)
            yield name, lambda name=name, count=count: without_its_own(name, count)


def without_its_own(name: str, count: int) -> dict[str, Any]:
    """A scenario under its own best rule, the best of others, the generalist, and what is chosen among all others."""
    scenario = load(name)
    foreign = [one for one in library(scenario, name) if one.partition(":")[0] not in ("tuned", "best-tuned", name)]
    foreign += [one for one in library(scenario, name) if "@" in one]
    rules = [one for one in foreign if one not in shipped()]
    settings = Settings(episodes=count, seed=SEED, longer_waits=0.0)
    pair = [resolve(policies(scenario)[0], scenario, name)]
    choices = {}
    for label, raced, longer in (("best rule of others", rules, LONG), ("chosen among others", foreign, 0.0)):
        agents = [resolve(one, scenario, name) for one in dict.fromkeys([FALLBACK, *raced])]
        racing = [agent for agent in agents if isinstance(agent, Agent)]
        choice = choose(scenario, racing, settings.model_copy(update={"longer_waits": longer}))
        (agent,) = [agent for agent in racing if agent.name == choice.policy]
        pair.append(replace(agent, name=label))
        choices[label] = choice.policy
    pair += [resolve(one, scenario, name) for one in GENERAL if one in shipped()]
    return played(world(name), pair, count) | {"choices": choices}


def by_seed(episodes: int | None) -> Part:
    """What was learned with several seeds, where it is at home and where it is not."""
    for policy, homes in SEEDED.items():
        if (SEEDS / policy).exists():
            for name in homes:
                count = episodes or JUDGED.get(name, 64 * load(name).episodes.evaluation_windows)
                yield f"{name}@{policy}", lambda name=name, policy=policy, count=count: with_seeds(name, policy, count)


def with_seeds(name: str, policy: str, count: int) -> dict[str, Any]:
    """A scenario under its best rule and all bundles of a policy."""
    one = world(name)
    agents, groups = resolve_all([policies(one.scenario)[0], str(SEEDS / policy)], one.scenario, name)
    return played(one, agents, count, groups)


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


PARTS: dict[str, Any] = {
    "scenarios": (scenarios, compared),
    "traces": (traces, replayed),
    "rolling_lp": (planned, hourly),
    "headroom": (bounds, gaps),
    "learned": (learned, judged),
    "learned_traces": (learned_traces, judged),
    "closed": (gap, closed),
    "chosen": (chosen, picked),
    "chosen_traces": (chosen_traces, picked_on_traces),
    "elsewhere": (elsewhere, untuned),
    "seeds": (by_seed, seeded),
}

# What of a part stands in the README, too.
IN_README: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    "chosen": picked,
    "learned": lambda found: general(found, taught()),
}


if __name__ == "__main__":
    main()
