"""`tidegate distil`: one policy out of several."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ...fastsim.errors import InputError
from .progress import bar, waiting


def distil(
    pairs: Annotated[
        list[str], Argument(metavar="SCENARIO=TEACHER…", help="Who says what is right where: bundles, or runs.")
    ],
    out: Annotated[Path, Option(help="New folder for the run.")],
    variants: Annotated[int, Option(min=0, max=1024, help="Random variants, the scenarios taking turns.")] = 70,
    rounds: Annotated[int, Option(min=1, max=64, help="Of meeting offers and fitting what teachers say.")] = 6,
    offers: Annotated[int, Option(min=1, help="Of every episode that a round labels.")] = 75,
    steps: Annotated[int, Option(min=1, help="Of the optimizer after a round.")] = 500,
    last_steps: Annotated[int, Option(min=1, help="Of the optimizer after the last round.")] = 4000,
    width: Annotated[int, Option(min=1, max=256, help="Of the hidden layers.")] = 16,
    seed: Annotated[int, Option(min=0, help="Names the variants, the offers and the order of labels.")] = 1,
    start: Annotated[
        str, Option(help="Bundle or run whose weighing of costs it begins with.  [default: the rule cost-greedy]")
    ] = "",
) -> None:
    """Learn one policy from several teachers, each of which is good in a scenario of its own."""
    with waiting(quiet=False):
        try:
            from ..distillation import distil as distillation
        except ModuleNotFoundError as error:
            reason, remedy = "is not installed", "pip install 'tidegate[train]'"
            raise InputError("distil", "package", error.name, reason, remedy) from error
        from ...envs.scenario import load
    scenarios = [load(distillation.named(pair)[0]) for pair in pairs]
    settings = distillation.checked(
        pairs=tuple(pairs),
        variants=variants,
        rounds=rounds,
        offers=offers,
        steps=steps,
        last_steps=last_steps,
        width=width,
        seed=seed,
        start=start,
    )
    with bar(False, "distilling") as progress:
        matches = distillation.distil(scenarios, settings, out, progress)
    print("scenario, teacher: how often the policy answers offers that it did not learn from alike; how much worse")
    for pair, match in zip(pairs, matches, strict=True):
        print(f"{pair}: {100 * match.agreement:.1f} %; {100 * match.regret:.2f} %")
    print(f"wrote {out}")
