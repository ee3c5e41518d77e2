"""The units of docs/deploy: they fit one another, the configuration beside them, and the commands that they run."""

import configparser
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from tidegate.agents.cli import app

DEPLOY = Path(__file__).parents[1] / "docs" / "deploy"
UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read(DEPLOY / name)
    return found


def words(name: str) -> list[str]:
    """The command line of a unit, without the program."""
    program, *rest = unit(name)["Service"]["ExecStart"].split()
    assert program == "/usr/local/bin/tidegate"
    return rest


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_a_command_that_there_is_with_options_that_it_has(name):
    command, rest = get_command(app), words(name)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]  # type: ignore[attr-defined]
    context = command.make_context(name, [*rest], resilient_parsing=False)
    assert context.args == []


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_again_whatever_happens_as_the_same_user_and_after_units_that_there_are(name):
    found = unit(name)
    assert (found["Service"]["Restart"], found["Service"]["User"]) == ("always", "slurm")
    own = [one for one in found["Unit"]["After"].split() if one.startswith("tidegate")]
    assert set(own) <= set(UNITS)


def test_the_router_listens_where_the_daemon_asks_and_writes_where_it_may():
    rest, service = words("tidegate-router.service"), unit("tidegate-router.service")["Service"]
    settings = tomllib.loads((DEPLOY / "slurm.toml").read_text())
    assert rest[rest.index("--socket") + 1] == settings["router"]["socket"] == "/run/tidegate/router.sock"
    assert Path(rest[rest.index("--audit") + 1]).parent == Path("/var/lib") / service["StateDirectory"]
    assert service["RuntimeDirectory"] == "tidegate"
    assert (
        Path(settings["state"]).parent == Path("/var/lib") / unit("tidegate-slurm.service")["Service"]["StateDirectory"]
    )
