"""`tidegate evolve`: learn a policy by evolution."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ...fastsim.errors import InputError
from .progress import bar, waiting


def evolve(
    scenarios: Annotated[list[str], Argument(metavar="SCENARIO…", help="Names of scenarios, or .toml files.")],
    out: Annotated[Path, Option(help="Folder for the run; one that was interrupted goes on.")],
    generations: Annotated[int, Option(min=1, help="How many are played.")] = 60,
    candidates: Annotated[int, Option(min=4, max=1024, help="Policies of a generation.")] = 16,
    episodes: Annotated[int, Option(min=1, help="Weeks of each scenario that every candidate plays.")] = 32,
    sets: Annotated[int, Option(min=1, max=64, help="Sets of such weeks, which generations take in turn.")] = 4,
    variants: Annotated[int, Option(min=0, max=1024, help="Play so many random variants in each set instead.")] = 0,
    waits: Annotated[float, Option(help="How much a longer p95 wait counts beside a higher cost.")] = 1.0,
    step: Annotated[float, Option(help="First standard deviation of the search.")] = 0.3,
    seed: Annotated[int, Option(min=0, help="Names the episodes and the search.")] = 1,
    width: Annotated[
        int, Option(min=1, max=256, help="Of the hidden layers, for learning that goes on from here.")
    ] = 1,
    start: Annotated[
        str,
        Option(
            help="Bundle or run to begin from, or the mean of several joined by +.  [default: the rule cost-greedy]"
        ),
    ] = "",
    reference: Annotated[str, Option(help="Policy whose costs and waits candidates are told beside.")] = "best-tuned",
    evaluate_episodes: Annotated[
        int, Option(min=0, help="Validation weeks of each scenario, for TensorBoard; 0: none.")
    ] = 16,
    evaluate_generations: Annotated[int, Option(min=1, help="Generations after which the centre plays them.")] = 5,
    clairvoyant_episodes: Annotated[
        int, Option(min=0, help="Such weeks that a clairvoyant plays first, which takes minutes; 0: none.")
    ] = 0,
) -> None:
    """Learn a policy with CMA-ES on whole weeks, for one scenario or for several at once."""
    from ...envs.scenario import load

    worlds = [load(name) for name in scenarios]
    with waiting(quiet=False):
        try:
            from ..evolution import evolve as evolution
        except ModuleNotFoundError as error:
            reason, remedy = "is not installed", "pip install 'tidegate[train]'"
            raise InputError("evolve", "package", error.name, reason, remedy) from error
    settings = evolution.checked(
        generations=generations,
        candidates=candidates,
        episodes=episodes,
        sets=sets,
        variants=variants,
        waits=waits,
        step=step,
        seed=seed,
        width=width,
        start=start,
        reference=reference,
        evaluate_episodes=evaluate_episodes,
        evaluate_generations=evaluate_generations,
        clairvoyant_episodes=clairvoyant_episodes,
    )
    try:
        with bar(False, "evolving") as progress:
            evolved = evolution.evolve(worlds, settings, out, progress)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from its journal", file=sys.stderr)
        raise
    for label, loss in (("began", evolved.first_fresh_loss), ("evolved", evolved.fresh_loss)):
        print(f"{label}: loss {loss:+.3f} beside {reference}, on fresh episodes")
    print(f"wrote {out / evolution.WEIGHTS} after {len(evolved.curve)} generations")
