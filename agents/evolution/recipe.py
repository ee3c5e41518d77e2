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


def searched(seed: int) -> str:
    """What an evolution does."""
    return f"CMA-ES over {len(GENES)} weights, on whole weeks; seed {seed}."


def recipe(commands: Sequence[str], what: str) -> list[str]:
    """The commands that make weights anew, the last of which does `what`, in Markdown."""
    if len(commands) == 1:
        return [f"`{commands[0]}`: {what}"]
    lines = [f"{number}. `{one}`" for number, one in enumerate(commands, 1)]
    return [what[0].upper() + what[1:] + " The runs are made one after the other, and name earlier ones.", "", *lines]
