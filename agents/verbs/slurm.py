"""`tidegate slurm`: the daemon in front of Slurm, its watchdog, and what can be tried before either runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from .output import print_facts, print_json

if TYPE_CHECKING:
    from ..slurm.backend import Backend
    from ..slurm.router import RouterClient
    from ..slurm.standing import World

File = Annotated[Path, Argument(metavar="CONFIG", help="The configuration: a .toml file.")]


def run(
    config: File,
    shadow: Annotated[
        bool, Option("--shadow", help="Ask and log, but let every job go to the default site at once.")
    ] = False,
) -> None:
    """Run the daemon: jobs in the gate go where the router says."""
    import time

    from ..slurm.book import alone
    from ..slurm.check import findings
    from ..slurm.daemon import LOG, Daemon

    _log()
    world, slurm, router = _parts(config)
    with alone(world.settings.state):
        for one in findings(world, slurm, router, time.time()):
            LOG.log(20 if one.is_right else 30, "%s: %s", one.what, one.found)
        Daemon(world, slurm, router, shadow=shadow).run()


def check(config: File, json: Annotated[bool, Option("--json", help="Print JSON.")] = False) -> None:
    """Try everything that changes nothing: Slurm, its partitions, the machines, the router."""
    import time

    from ..slurm.check import findings

    found = list(findings(*_parts(config), time.time()))
    if json:
        print_json([one._asdict() for one in found])
    else:
        print_facts((one.what, one.found if one.is_right else f"WRONG: {one.found}") for one in found)
    if not all(one.is_right for one in found):
        raise Exit(1)


def watchdog(config: File) -> None:
    """Let jobs out of the gate when the daemon does not: a process of its own."""
    from ..slurm.backend import backend
    from ..slurm.settings import read_settings
    from ..slurm.watchdog import watch

    _log()
    settings = read_settings(config)
    watch(settings, backend(settings))


def _parts(config: Path) -> "tuple[World, Backend, RouterClient]":
    """What the configuration names. Raises InputError where it does not hold together."""
    from ...envs.scenario import load
    from ...fastsim.errors import InputError
    from ..slurm.backend import backend
    from ..slurm.router import RouterClient
    from ..slurm.settings import read_settings
    from ..slurm.standing import World

    settings = read_settings(config)
    try:
        world = World(settings, load(settings.scenario))
    except InputError as error:
        raise InputError(f"{config}: {error.where}", error.what, error.value, error.reason, error.remedy) from None
    return world, backend(settings), RouterClient(settings.router, world.cluster, [one.name for one in settings.sites])


def _log() -> None:
    """Lines on stderr; systemd adds the time."""
    import logging

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
