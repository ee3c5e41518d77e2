"""A tuning that takes seconds: its scenario, its options, its command."""

from pathlib import Path

from tidegate.agents import cli

OPTIONS = ["--rule", "spill-after", "--rule", "waiting-budget", "--episodes", "2", "--generations", "3"]


def grounded(folder: Path) -> Path:
    """A scenario on top of one on top of small_team."""
    (folder / "ground.toml").write_text('base = "small_team"\nname = "ground"\n')
    path = folder / "mine.toml"
    path.write_text('base = "ground.toml"\nname = "mine"\n')
    return path


def tune(*argv: object) -> int:
    """The exit code of the command."""
    try:
        return cli.main(["tune", *map(str, argv)])
    except SystemExit as end:
        return int(end.code or 0)
