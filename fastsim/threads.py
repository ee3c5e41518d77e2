"""Episodes spread over cores: entries release Python's lock, so that plain threads do.

What is spread may spread work of its own, which then stays on its thread. When one part fails, or the user interrupts,
the others end at their next call of `end_if_stopped`.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar

from .errors import InputError

T = TypeVar("T")
PARTS_A_THREAD = 4  # episodes differ in length: whoever is done takes the next part
_here = threading.local()  # `stop`, in a thread of the pool: the Event that ends what it works on


class StoppedError(Exception):
    """Other parts of the same work have failed, or nobody waits for it any more."""


def threads() -> int:
    """How many to use: TIDEGATE_THREADS, or the cores that this process may use. Raises InputError for no number."""
    asked = os.environ.get("TIDEGATE_THREADS")
    if asked is not None:
        if not asked.isdecimal() or int(asked) == 0:
            raise InputError("environment", "TIDEGATE_THREADS", asked, "is not a number of threads", "set 1 or more")
        return int(asked)
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(work: Callable[[int, int], None], count: int, at_least: int) -> None:
    """Call work(first, last) for parts that cover 0 … count − 1, each of `at_least` items or all there are."""
    size = _size(count // at_least)
    if size == 1:
        work(0, count)
        return
    parts = min(count // at_least, PARTS_A_THREAD * size)
    edges = [count * part // parts for part in range(parts + 1)]
    _results(size, lambda part: work(*edges[part : part + 2]), parts)


def each(work: Callable[[int], T], count: int) -> list[T]:
    """work(0) … work(count − 1), several at a time."""
    size = _size(count)
    return [work(number) for number in range(count)] if size == 1 else _results(size, work, count)


def end_if_stopped() -> None:
    """Raise StoppedError in a thread whose result nobody waits for."""
    stop = getattr(_here, "stop", None)
    if stop is not None and stop.is_set():
        raise StoppedError


def _size(parts: int) -> int:
    """On how many threads so many parts are worked on; 1: on this one."""
    return 1 if parts < 2 or hasattr(_here, "stop") else threads()


def _results(size: int, work: Callable[[int], T], count: int) -> list[T]:
    """The results of work(0) … work(count − 1), on a pool of `size` threads."""
    stop = threading.Event()

    def task(number: int) -> T:
        _here.stop = stop
        end_if_stopped()
        return work(number)

    pool = _pool(size, os.getpid())
    tasks: list[Future[Any]] = [pool.submit(task, number) for number in range(count)]
    try:
        return [one.result() for one in tasks]
    finally:
        stop.set()


@lru_cache(maxsize=1)
def _pool(size: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: a fork does not inherit them."""
    return ThreadPoolExecutor(size, thread_name_prefix="tidegate")
