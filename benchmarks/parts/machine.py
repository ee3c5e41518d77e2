"""What a figure was measured on, and how: versions, processor, medians."""

import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median


def on_one_core() -> None:
    """From here on kernels and torch use one thread: all figures are per core."""
    os.environ["TIDEGATE_THREADS"] = "1"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def described(libraries: Sequence[str], used: str = "one was") -> str:
    """One paragraph: processor, its cores and which of them were used, what else it was doing, versions."""
    libraries = ["numpy", "numba", *libraries]
    found = ", ".join(f"{library} {version(library)}" for library in libraries)
    return (
        f"{processor()}, {os.cpu_count()} cores, of which {used} used; load average at the start "
        f"{os.getloadavg()[0]:.1f}. Python {platform.python_version()}, {found}."
    )


def processor() -> str:
    """The processor's own name for itself, where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def seconds_of(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rate(count: int, seconds: Sequence[float]) -> float:
    """`count` over the median of repeats."""
    return count / median(seconds)


def spread(seconds: Sequence[float]) -> str:
    """How far repeats lie apart: (slowest − fastest) / median."""
    return f"{(max(seconds) - min(seconds)) / median(seconds):.0%}"


def short(number: float) -> str:
    """Three significant digits, with k and M."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * limit:
            scaled = number / limit
            return f"{scaled:.{max(0, 2 - len(str(int(scaled))) + 1)}f}{unit}"
    return f"{number:.3g}"
