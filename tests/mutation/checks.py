"""What is asked of the kernel in the copy, and the first thing that it gets wrong.

    python -m tidegate.tests.mutation.checks [NAME …]

The last line on stdout is a JSON object `{"check": …, "why": …}`; both are empty when the kernel passes. With names,
only these checks are made. A check that needs more processor time than it may is one that the kernel fails: it loops.
"""

import json
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import pytest

SEEDS = 200  # random worlds


class Check(NamedTuple):
    """One question."""

    name: str
    seconds: int  # of processor time, many times what it takes
    ask: Callable[[], object]  # raises when the answer is wrong


class NoEndError(Exception):
    """A check has taken longer than it may."""


def checks() -> Iterator[Check]:
    """Quick ones first; each group is imported when it is its turn."""
    yield from toys()
    yield from worlds(range(40))
    yield from tests_of("episode", ["test_episodes", "test_overload"])
    yield from tests_of("line", ["test_timeline"])
    yield from worlds(range(40, SEEDS))
    yield from golden()


def toys() -> Iterator[Check]:
    """Worlds that were worked out by hand, row by row."""
    from .. import test_toy_worlds as tests

    for name in tests.TOYS:
        yield Check(f"toy {name}", 20, partial(tests.test_the_kernel_says_what_was_worked_out_by_hand, name))


def worlds(seeds: Iterable[int]) -> Iterator[Check]:
    """Random worlds: the reference simulator's log, row by row."""
    from ..test_differential import difference

    for seed in seeds:
        yield Check(f"world {seed}", 120, partial(_must_agree, difference, seed))


def _must_agree(difference: Callable[[int], tuple[Any, str]], seed: int) -> None:
    _, found = difference(seed)
    assert not found, found


def tests_of(group: str, modules: Iterable[str]) -> Iterator[Check]:
    """Tests of some modules: copies, worlds that grow, begin late or stop; rows and blocks against sorted lists."""
    tests = [test for module in modules for test in named(import_module(f"..{module}", __package__))]
    if group == "episode":
        from .. import test_kernel

        tests += [
            test_kernel.test_a_copied_state_has_the_same_future,
            test_kernel.test_a_small_world_grows_when_jobs_pile_up,
        ]
    for test in tests:
        marks = getattr(test, "pytestmark", ())
        for value in marks[0].args[1] if marks else ():
            yield Check(f"{group} {test.__name__} {value}", 120, partial(test, value))
        if not marks:
            yield Check(f"{group} {test.__name__}", 120, test)


def named(module: Any) -> list[Callable[..., None]]:
    """The tests of a module."""
    return [value for name, value in vars(module).items() if name.startswith("test_")]


def golden() -> Iterator[Check]:
    """Ten thousand jobs under FCFS and EASY, to the second."""
    from .. import test_kernel as tests

    for dispatch, column in ((tests.FCFS, "start_fcfs_s"), (tests.EASY, "start_easy_s")):
        ask = partial(tests.test_every_start_of_the_golden_schedule_is_exact, dispatch, column)
        yield Check(f"golden {column}", 900, ask)


def first_failure(asked: Iterable[Check]) -> dict[str, str]:
    """The name of the first check that fails, and why; empty texts when none does."""
    for check in asked:
        try:
            with_limit(check)
        except pytest.skip.Exception:
            continue
        except BaseException as error:
            return {"check": check.name, "why": told(error)}
    return {"check": "", "why": ""}


def with_limit(check: Check) -> None:
    """Ask; raises NoEndError when it takes too long."""
    signal.setitimer(signal.ITIMER_PROF, check.seconds)
    try:
        check.ask()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def stop(*_: object) -> None:
    """What happens when the time is over."""
    raise NoEndError("it does not come to an end")


def told(error: BaseException) -> str:
    """An error in one line; of a bare assertion, what was asserted."""
    line = traceback.extract_tb(error.__traceback__)[-1].line or ""
    text = " ".join((str(error) or line).split())
    return f"{type(error).__name__}: {text[:200]}"


def main(names: list[str]) -> None:
    """Make the checks and print what was found."""
    warnings.simplefilter("ignore")  # NumPy's scalars warn where compiled code wraps
    signal.signal(signal.SIGPROF, stop)
    try:
        found = first_failure(check for check in checks() if not names or check.name in names)
    except Exception as error:  # the kernel cannot even be imported
        found = {"check": "import", "why": told(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
