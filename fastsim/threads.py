"""Episodes spread over cores: entries release Python's lock, so that plain threads do."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

PARTS_A_THREAD = 4  # episodes differ in length: whoever is done takes the next part


def threads() -> int:
    """How many to use: TIDEGATE_THREADS, or the cores that this process may use."""
    return int(os.environ.get("TIDEGATE_THREADS", 0)) or len(os.sched_getaffinity(0))


def spread(work: Callable[[int, int], None], count: int, at_least: int) -> None:
    """Call work(first, last) for parts that cover 0 … count − 1, each of `at_least` items or all there are."""
    parts = min(count // at_least, PARTS_A_THREAD * threads())
    if parts < 2 or threads() == 1:
        work(0, count)
        return
    edges = [count * part // parts for part in range(parts + 1)]
    for done in [_pool(threads(), os.getpid()).submit(work, *edges[part : part + 2]) for part in range(parts)]:
        done.result()


@lru_cache(maxsize=1)
def _pool(size: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: a fork does not inherit them."""
    return ThreadPoolExecutor(size, thread_name_prefix="tidegate")
