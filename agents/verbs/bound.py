"""`tidegate bound`: how much better than a policy one could be."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ...fastsim.errors import InputError
from .first import first
from .output import print_facts, print_json, print_table
from .progress import bar, waiting

BEST = "best-tuned"


def bound(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    trace: Annotated[Path | None, Option(help="Take the jobs from this trace.")] = None,
    load: Annotated[float | None, Option(help="Offered load.  [default: the scenario's, or the trace's]")] = None,
    delay_factor: Annotated[float, Option(help="Multiply what waiting and missed deadlines cost.")] = 1.0,
    policy: Annotated[
        list[str] | None,
        Option(
            help="A policy, or a folder of bundles by training seed; the clairvoyant looks ahead with the first. "
            "best-tuned is played besides, where rules are tuned.  [default: best-tuned, else cost-greedy]"
        ),
    ] = None,
    episodes: Annotated[int, Option(min=1, help="Episodes: the first window of each stretch of an evaluation.")] = 16,
    seed: Annotated[int, Option(min=0, help="Names the episodes.")] = 1,
    largest: Annotated[
        int, Option(min=0, help="Jobs of a week whose offers the clairvoyant tries; 0: leave it out.")
    ] = 100,
    time_limit: Annotated[
        float,
        Option(min=0.0, help="Seconds that the solver may take for one episode; where it takes more, 0 is known."),
    ] = 300.0,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bound the cost of episodes from below, and see what a clairvoyant reaches."""
    from ...envs.scenario import load as load_scenario

    world = load_scenario(scenario)
    with waiting(json):
        from ...envs.traces.read import read
        from ...fastsim.agent import Agent
        from ..evaluation.grid import with_delay
        from ..evaluation.policies import resolve_all
        from ..evaluation.source import Source

        try:
            from ..bound.headroom import headroom
            from ..bound.record import to_json
        except ModuleNotFoundError as error:
            reason, remedy = "is not installed", "pip install 'tidegate[bound]'"
            raise InputError("bound", "package", error.name, reason, remedy) from error
        agents, _ = resolve_all(policy or [first(world, scenario)], world, scenario)
        base = agents[0]
        if not isinstance(base, Agent):
            reason = "plans, and cannot be looked ahead with"
            raise InputError("bound", "policy", base.name, reason, "name a rule or a bundle first")
        if BEST not in [agent.name for agent in agents]:
            agents += _best_tuned(world, scenario)
        changed = with_delay(world, delay_factor)
        source = Source(changed, seed, None if trace is None else read(trace), load, windows=1)
    with bar(json, f"bounding {world.name}") as progress:
        found = headroom(source, base, agents[1:], episodes, largest, progress, time_limit)
    found = replace(found, delay_factor=delay_factor)
    if json:
        print_json(to_json(found))
    else:
        _print(to_json(found))


def _best_tuned(world: Any, where: str) -> list[Any]:
    """The best tuned rule, if there is one for the scenario as it is now."""
    from ..evaluation.policies import resolve

    try:
        return [resolve(BEST, world, where)]
    except InputError:
        return []


def _print(found: dict[str, Any]) -> None:
    """Dollars per episode, and what part of the base's cost each saves."""
    work = "drawn work" if found["trace"] is None else found["trace"]
    work += "" if found["load"] is None else f", load {found['load']:g}"
    work += "" if found["delay_factor"] == 1 else f", delay cost × {found['delay_factor']:g}"
    seconds = found["solver_seconds"]
    print_facts(
        [
            ("scenario", found["scenario"]),
            ("work", work),
            ("episodes", f"{found['episodes']}, seed {found['seed']}"),
            ("solver", f"{sum(seconds) / len(seconds):.1f} s an episode, {max(seconds):.1f} s the longest"),
        ]
    )
    print()
    means = {**found["policy_means"], "clairvoyant": found["clairvoyant_mean"], "bound": found["bound_mean"]}
    base = means[found["base"]]
    rows = [
        (name, f"{mean:,.0f}", f"{100 * (1 - mean / base):.1f}" if base else "–")
        for name, mean in means.items()
        if mean is not None
    ]
    print_table(("policy", "avoidable cost per episode, dollars", f"% below {found['base']}"), rows)
    print()
    print("clairvoyant: knows the future; no policy can be as good. bound: nothing at all can be cheaper.")
    missed = found["is_solved"].count(False)
    if missed:
        print(f"In {missed} of {found['episodes']} episodes the solver came to its limit, and the bound is a weak one.")
