"""How a run is made anew, and what it came to, in words: for the card of a bundle."""

from collections.abc import Sequence

from .genes import GENES
from .settings import SHOWN, Settings

RECIPES = "recipes"  # of a manifest's `training`: commands, the last of which made the bundle


def command(settings: Settings, names: Sequence[str]) -> str:
    """The command of a run, without what only says how it is watched."""
    fields, given = Settings.model_fields, settings.model_dump(exclude=set(SHOWN))
    options = [f"--{name} {value}" for name, value in given.items() if value != fields[name].default]
    return " ".join(["tidegate evolve", *names, *options, "--out RUN"])


def recipe(commands: Sequence[str], seed: int) -> list[str]:
    """The commands that make weights anew, and what they do, in Markdown."""
    what = f"CMA-ES over {len(GENES)} weights, on whole weeks; seed {seed}."
    if len(commands) == 1:
        return [f"`{commands[0]}`: {what}"]
    lines = [f"{number}. `{one}`" for number, one in enumerate(commands, 1)]
    return [what + " The runs are made one after the other; `--start` names an earlier one.", "", *lines]
