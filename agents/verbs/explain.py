"""`tidegate explain`: why a job is sent where it is sent, and what the other choices would have cost."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from .output import print_json
from .progress import bar, waiting

FINDING = 0.3  # share of the time that playing to the offer is shown as


def explain(
    policy: Annotated[str, Argument(metavar="POLICY", help="A rule, tuned:RULE, best-tuned, or a bundle's folder.")],
    scenario: Annotated[str | None, Option(help="Name or .toml file.  [default: the one of the bundle]")] = None,
    seed: Annotated[int, Option(min=0, help="Names the jobs, the supply and the failures.")] = 1,
    job: Annotated[int | None, Option(min=0, help="Its number.  [default: the first new one after warm-up]")] = None,
    attempt: Annotated[int, Option(min=1, help="Which of the job's offers.")] = 1,
    hours: Annotated[int | None, Option(min=1, help="To play on.  [default: 168, more if the job needs it]")] = None,
    futures: Annotated[int, Option(min=0, help="Other futures that every choice is played in, too.")] = 8,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell why a job goes where it goes, and what the other choices would have cost."""
    from ...fastsim.errors import InputError

    if job is None and attempt > 1:
        raise InputError("explain", "attempt", attempt, "of which job is not said", "name one with --job")
    with waiting(json):
        world, agent = _resolved(policy, scenario)
        from ..explain.answer import answered
        from ..explain.branches import branched
        from ..explain.offer import find
        from ..explain.text import shown
    with bar(json, f"{world.name} under {agent.name}") as progress:
        found = find(world, agent, seed, job, attempt, hours, lambda done: progress(FINDING * done, "to the offer"))
        played = branched(found, hours, futures, lambda done: progress(FINDING + (1 - FINDING) * done, "branches"))
        told = answered(found, played)
    if json:
        print_json(told)
    else:
        shown(told)


def _resolved(policy: str, scenario: str | None) -> tuple[Any, Any]:
    """The scenario and the policy. Raises InputError for what does not exist, and for a policy that plans."""
    from ...envs.scenario import load as load_scenario
    from ...fastsim.agent import Agent
    from ...fastsim.errors import InputError
    from ..evaluation.policies import MANIFEST, TRAINED, resolve, shipped

    folder = TRAINED / policy if policy in shipped() else Path(policy)
    if scenario is not None:
        world = load_scenario(scenario)
    elif (folder / MANIFEST).exists():
        from ...trained.bundle import load
        from .offer import scenario_of

        world = scenario_of(load(folder).manifest, None)
    else:
        resolve(policy, load_scenario("small_team"))  # a name that there is not is told first
        raise InputError("explain", "scenario", "none", "only a bundle keeps one", "name one with --scenario")
    agent = resolve(policy, world, scenario)
    if not isinstance(agent, Agent):
        remedy = "use a rule that answers each offer by itself, or a bundle"
        raise InputError(
            "explain", "policy", policy, "plans for whole hours and cannot be asked about one offer", remedy
        )
    return world, agent
