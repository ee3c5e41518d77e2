"""`tidegate train`: learn a policy."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ...fastsim.errors import InputError
from .progress import waiting


def train(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    minutes: Annotated[float, Option(help="Stop after this wall-clock time.")] = 3.0,
    seed: Annotated[int, Option(help="Seed of weights, actions and episodes.")] = 1,
    out: Annotated[Path | None, Option(help="New folder for the run.  [default: runs/SCENARIO]")] = None,
) -> None:
    """Learn a policy with PPO, and save the run in a folder."""
    from ...envs.scenario import load

    world = load(scenario)
    folder = out or Path("runs") / world.name
    with waiting(quiet=False):
        try:
            from ..ppo import train as ppo
        except ModuleNotFoundError as error:
            reason, remedy = "is not installed", "pip install 'tidegate[train]'"
            raise InputError("train", "package", error.name, reason, remedy) from error
        # Its kernels are compiled when it is imported.
        from ..ppo import vec_env  # noqa: F401
    run = ppo.train(world, minutes, seed, folder)
    print(f"wrote {run / 'model.zip'}")
