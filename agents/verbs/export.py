"""`tidegate export`: a bundle out of a training run."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ...fastsim.errors import InputError
from .progress import bar, waiting


def export(
    run: Annotated[Path, Argument(metavar="RUN", help="Folder of a finished training run.")],
    out: Annotated[Path, Option(help="New folder for the bundle.")],
    name: Annotated[str | None, Option(help="Of the policy.  [default: that of the first scenario]")] = None,
) -> None:
    """Turn a training run into a bundle: an ONNX graph and its manifest."""
    with waiting(quiet=False):
        try:
            from ..ppo import export as ppo
        except ModuleNotFoundError as error:
            reason, remedy = "is not installed", "pip install 'tidegate[train]'"
            raise InputError("export", "package", error.name, reason, remedy) from error
    with bar(quiet=False, text="looking at what it saw in training") as progress:
        bundle = ppo.export(run, out, name, tell=progress)
    print(f"wrote {bundle}")
