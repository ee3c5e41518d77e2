"""`tidegate choose`: which policy a scenario gets."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ...fastsim.errors import InputError
from .output import check_target, print_json, print_table, save
from .progress import bar, waiting
from .trace import cut


def choose(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    policy: Annotated[
        list[str] | None,
        Option(
            help="Let this one race; may be repeated.  [default: all rules, tuned for this scenario or for others, and "
            "all bundles that ship]"
        ),
    ] = None,
    incumbent: Annotated[
        str | None, Option(help="Stays unless another is better.  [default: best-tuned, or cost-greedy]")
    ] = None,
    trace: Annotated[Path | None, Option(help="Take the jobs from this trace.")] = None,
    days: Annotated[str | None, Option(help="Those of the trace from this day to that only, such as 0:28.")] = None,
    load: Annotated[float | None, Option(help="Offered load.  [default: the scenario's, or the trace's]")] = None,
    episodes: Annotated[
        int | None,
        Option(min=1, help="Of the race, and as many fresh ones.  [default: 64; 2 plays of a trace]"),
    ] = None,
    longer_waits: Annotated[
        float, Option(min=0, help="By what share the 95th percentile of waits may grow: 0.05 is 5 %.")
    ] = 0.0,
    seed: Annotated[int, Option(min=0, help="Names the episodes.")] = 1,
    out: Annotated[
        Path | None, Option(help="Write to this .json file.  [default: NAME.chosen.json beside the scenario]")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Let all known policies race, and choose the one that proves better than the best rule."""
    from ...envs.scenario import load as load_scenario
    from ..choosing.chosen import place_of

    world = load_scenario(scenario)
    path = place_of(scenario) if out is None else out
    check_target("--out", path, (".json",))
    if out is None and trace is not None:
        reason, remedy = "is for the scenario's own work, not for a trace", "name another file with --out"
        raise InputError("--out", "file", path, reason, remedy)
    with waiting(json):
        from ...fastsim.agent import Agent
        from ..choosing import choose as choosing
        from ..choosing import library
        from ..evaluation.policies import resolve

        work = cut(trace, days)
        first = incumbent or library.incumbent(world, scenario)
        others = policy or library.library(world, scenario)
        agents = [resolve(name, world, scenario) for name in dict.fromkeys([first, *others])]
        racing = [agent for agent in agents if isinstance(agent, Agent)]
        if len(racing) < len(agents):
            (name, *_) = (agent.name for agent in agents if not isinstance(agent, Agent))
            reason = "plans for whole hours, and takes no part in a choice"
            raise InputError("choose", "policy", name, reason, "leave it out")
        count = episodes or (choosing.EPISODES if work is None else choosing.EPISODES_OF_A_TRACE)
        settings = choosing.Settings(episodes=count, seed=seed, longer_waits=longer_waits)
    with bar(json, f"choosing for {world.name}") as progress:
        chosen = choosing.choose(world, racing, settings, work, load, progress)
    text = chosen.model_dump_json(indent=1) + "\n"
    save("--out", path, text.encode())
    if json:
        print_json(chosen.model_dump(mode="json"))
    else:
        _print(chosen)
        print(f"wrote {path}; to be used as --policy chosen" + ("" if out is None else f"@{path}"))


def _print(chosen: Any) -> None:
    """How the race went, and who won."""
    from ..evaluation.table import NOTHING, money, percent

    work = "drawn work" if chosen.trace is None else chosen.trace
    at = "" if chosen.load is None else f" at load {chosen.load:g}"
    title = f"{chosen.scenario}, {work}{at}: dollars per week, seed {chosen.settings.seed}"
    last = max(stand.episodes for stand in chosen.race.values())
    rows = [
        (
            name,
            str(one.episodes),
            "more waits than the world can hold" if one.cost is None else money(one.cost),
            NOTHING if one.saved is None or name == chosen.incumbent else percent(one.saved),
            NOTHING if one.wait_p95_hours is None else f"{one.wait_p95_hours:.2f}",
        )
        for name, one in sorted(chosen.race.items(), key=lambda pair: _order(pair, last, chosen.incumbent))
    ]
    print_table(("policy", "episodes", "avoidable cost", "saved, %", "wait p95, h"), rows, title)
    if chosen.proof is not None:
        one = chosen.proof
        print(f"\n{one.policy} on {chosen.settings.episodes} fresh episodes: {money(one.cost)} instead of ", end="")
        print(money(one.cost_of_incumbent))
    print(f"chosen: {chosen.policy}; {chosen.reason}")


def _order(pair: tuple[str, Any], last: int, incumbent: str) -> tuple[bool, bool, float]:
    """The incumbent, then those of the last round, then the others, the cheapest first."""
    name, stand = pair
    cost = float("inf") if stand.cost is None else stand.cost
    return name != incumbent, stand.episodes < last, cost
