"""`tidegate whatif`: the next hours and days of a cluster as it is now, under several policies."""

from pathlib import Path
from typing import Annotated

from typer import Option

from .first import first
from .output import print_json, print_rich
from .progress import bar, waiting

SECOND = "first-fit"  # beside the first, where none are named


def whatif(
    snapshot: Annotated[Path, Option(help="The cluster as it is now: a .json file.")],
    scenario: Annotated[
        str | None, Option(help="What describes it: a name, or a .toml file.  [default: the snapshot's cluster]")
    ] = None,
    policy: Annotated[
        list[str] | None,
        Option(
            help="A rule, tuned:RULE, best-tuned, or the folder of a bundle; the others are compared with the first.  "
            "[default: best-tuned, or cost-greedy where none are tuned; first-fit]"
        ),
    ] = None,
    hours: Annotated[int, Option(min=1, help="That are played, and then until their jobs have left.")] = 72,
    futures: Annotated[int, Option(min=1, help="That are drawn.")] = 32,
    seed: Annotated[int, Option(min=0, help="Names the futures.")] = 1,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play a cluster on from a snapshot under several policies: costs and waits, with intervals."""
    from ...envs.present import present, read
    from ...envs.scenario import load as load_scenario

    now = read(snapshot)
    where = now.cluster if scenario is None else scenario
    world = load_scenario(where)
    with waiting(json):
        from ..evaluation.policies import resolve
        from ..evaluation.record import to_json
        from ..evaluation.table import render
        from ..foresight.whatif import whatif as foreseen

        agents = [resolve(name, world, where) for name in policy or [first(world, where), SECOND]]
        standing = present(now, world)
    with bar(json, f"playing {now.cluster} on") as progress:
        report = foreseen(standing, world, agents, hours, futures, seed, progress)
    if json:
        print_json(to_json(report))
    else:
        print_rich(render(report))
