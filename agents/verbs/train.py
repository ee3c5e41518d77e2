"""`tidegate train`: learn a policy."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ...fastsim.errors import InputError
from .progress import waiting


def train(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    minutes: Annotated[
        float | None, Option(help="Stop after this wall-clock time, which no two runs share bit for bit.  [default: 3]")
    ] = None,
    updates: Annotated[
        int | None, Option(min=1, help="Stop after so many updates instead; the same ones give the same weights.")
    ] = None,
    seed: Annotated[int | None, Option(help="Seed of weights, actions and episodes.  [default: 1]")] = None,
    advantages: Annotated[str | None, Option(help="What judges actions: gae, branch or blend.  [default: gae]")] = None,
    start: Annotated[
        str | None, Option(help="Bundle to go on from, or rule to imitate first.  [default: best-tuned or cost-greedy]")
    ] = None,
    evaluate_episodes: Annotated[
        int | None, Option(min=0, help="Validation weeks played now and then, for TensorBoard; 0: none.  [default: 16]")
    ] = None,
    clairvoyant_episodes: Annotated[
        int | None, Option(min=0, help="Such weeks that a clairvoyant plays first, which takes minutes.  [default: 0]")
    ] = None,
    out: Annotated[Path | None, Option(help="New folder for the run.  [default: runs/SCENARIO]")] = None,
    resume: Annotated[bool, Option("--resume", help="Go on with the run in that folder.")] = False,
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
    run = ppo.train(
        world,
        minutes,
        seed,
        folder,
        resume=resume,
        updates=updates,
        advantages=advantages,
        start=start,
        evaluate_episodes=evaluate_episodes,
        clairvoyant_episodes=clairvoyant_episodes,
    )
    print(f"wrote {run / 'model.zip'}")
