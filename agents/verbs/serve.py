"""`tidegate serve`: a bundle as a router, over a unix socket and loopback TCP."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ...fastsim.errors import InputError
from .first import first
from .output import print_json
from .progress import waiting


def serve(
    bundle: Annotated[Path, Argument(metavar="BUNDLE", help="Folder of a bundle, or a link to one.")],
    audit: Annotated[Path, Option(help="Log of decisions; it is begun, or gone on with.")],
    scenario: Annotated[
        str | None, Option(help="What describes the cluster: a name, or a .toml file.  [default: the bundle's]")
    ] = None,
    cluster: Annotated[str | None, Option(help="Name of the cluster in questions.  [default: the scenario's]")] = None,
    baseline: Annotated[
        str | None, Option(help="What decides where the policy does not.  [default: best-tuned, or cost-greedy]")
    ] = None,
    socket: Annotated[Path | None, Option(help="Unix socket to listen at; its permissions let in its owner.")] = None,
    port: Annotated[int | None, Option(min=0, max=65535, help="Port of 127.0.0.1 to listen at; 0: any.")] = None,
    token: Annotated[Path | None, Option(help="File with the token that is asked for over TCP.")] = None,
    quota: Annotated[
        list[str] | None, Option(help="SITE=ACCELERATORS: at most so many run, start and wait there.")
    ] = None,
    rate: Annotated[float, Option(min=1, help="Decisions a second that are let in.")] = 2000.0,
    stale: Annotated[float, Option(min=1, help="Seconds after which a state is too old to decide on.")] = 120.0,
    judge: Annotated[bool, Option(help="Compare policy and baseline where they differ, beside the service.")] = True,
) -> None:
    """Answer a cluster's questions about where its jobs run: first in shadow, later as much as you allow."""
    with waiting(quiet=False):
        try:
            from ..router import serve as router
        except ModuleNotFoundError as error:
            reason, remedy = "is not installed", "pip install 'tidegate[router]'"
            raise InputError("serve", "package", error.name, reason, remedy) from error
        from ...envs.scenario import load
        from ..router.admission import Limits
        from .offer import scenario_of

        where = str(scenario) if scenario is not None else None
        manifest = router.sound(bundle).manifest
        world = scenario_of(manifest, None) if where is None else load(where)
        place = where or world.name
        settings = router.Settings(
            cluster=cluster or world.name,
            scenario=world,
            where=place,
            bundle=bundle,
            baseline=baseline or first(world, place),
            audit=audit,
            unix=socket,
            port=port,
            token=_token(token, port, socket),
            quotas=_quotas(quota or [], [site.name for site in world.sites]),
            limits=Limits(rate=rate, stale_seconds=stale),
            judges=judge,
        )
    router.serve(settings, tell)


def tell(where: dict[str, Any]) -> None:
    """Say where the router listens, in one JSON text."""
    print_json(where)


def _token(file: Path | None, port: int | None, socket: Path | None) -> str | None:
    """The token in a file. Raises InputError where TCP has none, or nobody could ask anything."""
    if port is None and socket is None:
        raise InputError("serve", "socket", "none", "nobody could ask", "name --socket, or --port and --token")
    if port is None:
        return None
    if file is None:
        raise InputError(
            "--token", "file", "none", "is asked for over TCP", "name a file with a token, or use --socket"
        )
    try:
        found, mode = file.read_text().strip(), file.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("--token", "file", file, "cannot be read", "name a file with a token") from error
    if mode & 0o077:
        raise InputError("--token", "file", file, f"is open to others: {mode & 0o777:o}", f"chmod 600 {file}")
    if len(found) < 16 or not found.isascii() or not found.isprintable():
        raise InputError(
            "--token", "characters", len(found), "are too few, or odd", "write 16 or more, such as of uuidgen"
        )
    return found


def _quotas(given: list[str], sites: list[str]) -> dict[str, int]:
    """Accelerators by site. Raises InputError."""
    found = {}
    for one in given:
        site, _, number = one.partition("=")
        if site not in sites:
            raise InputError("--quota", "site", site, "the scenario has none of this name", f"use {', '.join(sites)}")
        if not number.isascii() or not number.isdigit():
            raise InputError("--quota", "accelerators", number, "is no whole number", f"write {site}=256")
        found[site] = int(number)
    return found
