"""The command `tidegate`: verbs, and what they share: exit codes, errors of the input, interruptions, closed pipes.

0    done
1    failed, though the input was right; or whoever read the output closed the pipe
2    the user's input is wrong: one line on stderr, `error: where: what, value, reason, remedy`
130  interrupted with Ctrl-C
143  interrupted with SIGTERM
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from ..fastsim.errors import InputError
from .verbs import slurm as hold_and_release
from .verbs.audit import replay as audit_replay
from .verbs.bound import bound
from .verbs.choose import choose
from .verbs.decide import decide
from .verbs.distil import distil
from .verbs.evaluate import evaluate
from .verbs.evolve import evolve
from .verbs.explain import explain
from .verbs.export import export
from .verbs.plan import plan
from .verbs.replay import replay
from .verbs.scenarios import check, listing, show
from .verbs.serve import serve
from .verbs.simulate import simulate
from .verbs.stress import stress
from .verbs.train import train
from .verbs.tune import tune
from .verbs.whatif import whatif


class Verbs(TyperGroup):
    """Verbs, of which a wrong name is answered with the choices."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that the first argument names; InputError when there is none."""
        choices = self.list_commands(ctx)
        if args and args[0] not in choices and not args[0].startswith("-"):
            reason = "there is none of this name"
            raise InputError(ctx.command_path, "verb", args[0], reason, f"use one of {', '.join(choices)}")
        return super().resolve_command(ctx, args)


INTERRUPTED = 128 + signal.SIGINT

# Plain help and no completion: both would be imported before any verb runs.
OPTIONS: dict[str, Any] = {"cls": Verbs, "no_args_is_help": True, "add_completion": False, "rich_markup_mode": None}

app = typer.Typer(
    name="tidegate",
    help="Learns where every job of an AI lab should run: committed compute, burst compute, or wait.",
    pretty_exceptions_enable=False,
    **OPTIONS,
)
LEARN, JUDGE = (train, evolve, distil, tune, choose), (evaluate, bound, stress, plan, simulate, replay)
DEPLOY = (export, decide, explain, whatif, serve)
for verb in (*LEARN, *JUDGE, *DEPLOY):
    app.command()(verb)

audit = typer.Typer(name="audit", help="Look into the log of a router.", **OPTIONS)
audit.command(name="replay")(audit_replay)
app.add_typer(audit)

scenarios = typer.Typer(name="scenarios", help="List, show and check scenarios.", **OPTIONS)
scenarios.command(name="list")(listing)
scenarios.command()(show)
scenarios.command()(check)
app.add_typer(scenarios)

slurm = typer.Typer(name="slurm", help="Jobs of a Slurm cluster go where the router says.", **OPTIONS)
for verb in (hold_and_release.run, hold_and_release.check, hold_and_release.watchdog):
    slurm.command()(verb)
app.add_typer(slurm)


def main(argv: list[str] | None = None) -> int:
    """Run one verb; without `argv`, the process's own. Returns 0, or raises SystemExit with another exit code."""
    with _terminable() as came:
        code = _outcome(argv)
    if code == INTERRUPTED and came:
        code = 128 + signal.SIGTERM
    if code:
        raise SystemExit(code)
    return 0


@contextmanager
def _terminable() -> Iterator[list[int]]:
    """SIGTERM interrupts a verb as Ctrl-C does, so that it tells the same; the list then holds it."""
    came: list[int] = []

    def interrupt(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only there signals can be handled
        yield came
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, before)


def _outcome(argv: list[str] | None) -> int:
    """The exit code of one verb; what failed is told."""
    try:
        code = _run(argv)
        sys.stdout.flush()
    except InputError as error:
        code = _failed(error, 2)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        code = 1
    except (ArithmeticError, OSError) as error:  # training broke, or the machine refused
        code = _failed(error, 1)
    return code


def _run(argv: list[str] | None) -> int:
    """The exit code of one verb, as Typer gives it."""
    try:
        app(args=argv, prog_name="tidegate")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _failed(error: Exception, code: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return code


def _forget_stdout() -> None:
    """Nobody reads it any more; without this, Python complains about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
