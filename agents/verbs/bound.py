"""`tidegate bound`: how much better than a policy one could be."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ...fastsim.errors import InputError
from .output import print_facts, print_json, print_table
from .progress import bar, waiting


def bound(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    trace: Annotated[Path | None, Option(help="Take the jobs from this trace.")] = None,
    load: Annotated[float | None, Option(help="Offered load.  [default: the scenario's, or the trace's]")] = None,
    policy: Annotated[
        list[str] | None,
        Option(help="A policy; the clairvoyant looks ahead with the first.  [default: best-tuned, else cost-greedy]"),
    ] = None,
    episodes: Annotated[int, Option(min=1, help="Episodes: the first window of each stretch of an evaluation.")] = 16,
    seed: Annotated[int, Option(min=0, help="Names the episodes.")] = 1,
    largest: Annotated[
        int, Option(min=0, help="Jobs of a week whose offers the clairvoyant tries; 0: leave it out.")
    ] = 100,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bound the cost of episodes from below, and see what a clairvoyant reaches."""
    from ...envs.scenario import load as load_scenario

    world = load_scenario(scenario)
    with waiting(json):
        from ...envs.traces.read import read
        from ...fastsim.agent import Agent
        from ..evaluation.policies import resolve
        from ..evaluation.source import Source

        try:
            from ..bound.headroom import headroom
            from ..bound.record import to_json
        except ModuleNotFoundError as error:
            reason, remedy = "is not installed", "pip install 'tidegate[bound]'"
            raise InputError("bound", "package", error.name, reason, remedy) from error
        agents = [resolve(name, world, scenario) for name in policy or [_default(world, scenario)]]
        base = agents[0]
        if not isinstance(base, Agent):
            reason = "plans, and cannot be looked ahead with"
            raise InputError("bound", "policy", base.name, reason, "name a rule or a bundle first")
        source = Source(world, seed, None if trace is None else read(trace), load, windows=1)
    with bar(json, f"bounding {world.name}") as progress:
        found = headroom(source, base, agents[1:], episodes, largest, progress)
    if json:
        print_json(to_json(found))
    else:
        _print(to_json(found))


def _default(world: Any, where: str) -> str:
    """The best tuned rule, where rules have been tuned."""
    from ..tuning.tuned import is_tuned

    return "best-tuned" if is_tuned(where, world) else "cost-greedy"


def _print(found: dict[str, Any]) -> None:
    """Dollars per episode, and what part of the base's cost each saves."""
    work = "drawn work" if found["trace"] is None else found["trace"]
    seconds = found["solver_seconds"]
    print_facts(
        [
            ("scenario", found["scenario"]),
            ("work", work if found["load"] is None else f"{work}, load {found['load']:g}"),
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
