"""Episodes spread over cores: entries release Python's lock, so that plain threads do."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from .errors import InputError

T = TypeVar("T")
PARTS_A_THREAD = 4  # episodes differ in length: whoever is done takes the next part


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
    size = threads() if count >= 2 * at_least else 1
    if size == 1:
        work(0, count)
        return
    parts = min(count // at_least, PARTS_A_THREAD * size)
    edges = [count * part // parts for part in range(parts + 1)]
    for done in [_pool(size, os.getpid()).submit(work, *edges[part : part + 2]) for part in range(parts)]:
        done.result()


def each(work: Callable[[int], T], count: int) -> list[T]:
    """work(0) … work(count − 1), several at a time; none of them may spread work of its own."""
    if count < 2 or threads() == 1:
        return [work(number) for number in range(count)]
    return list(_pool(threads(), os.getpid()).map(work, range(count)))


@lru_cache(maxsize=1)
def _pool(size: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: a fork does not inherit them."""
    return ThreadPoolExecutor(size, thread_name_prefix="tidegate")
