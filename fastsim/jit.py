"""Compilation, in one place: how kernels are compiled and cached.

`kernel` (called by kernels) and `entry` (called by Python) are the only decorators that reach Numba; linking.py and
reference.py know its inside. Where Numba is absent or switched off, the decorators return the function unchanged: the
same source then runs as plain Python.

Facts that decided the settings: a cached function does not notice that a helper in another file changed, so the cache
folder is named after a hash of the sources that a kernel may call; bounds checks need code of their own, so their flag
is in that name too; `fastmath` differs between CPUs and is never used; Numba's default error model checks each division
and blocks vectorisation.
"""

import hashlib
import os
import platform
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

numba: Any  # its own annotations do not cover configuration and types
linking: Any = None
reference: Any = None
try:
    import numba
except ImportError:  # the router runs without Numba
    numba = None

IS_COMPILED = numba is not None and not numba.config.DISABLE_JIT
if IS_COMPILED:
    from . import linking, reference


def _cache_folder(source: Path) -> Path:
    """Folder of the compiled kernels of one source file, private to the user: a poisoned cache executes code."""
    root = Path(__file__).parent.parent
    part = source.parent
    if root in part.parents and part.relative_to(root).parts[0] != "agents":
        part = root / part.relative_to(root).parts[0]  # rules need nothing of their neighbours; others may
    return _folder_of(root / "fastsim", part)


@lru_cache
def _folder_of(*parts: Path) -> Path:
    """Folder named after all sources of these parts of the project: arrows run downhill, so no others matter."""
    digest = hashlib.sha256()
    for source in sorted({source for part in parts for source in part.rglob("*.py")}):
        digest.update(source.read_bytes())
    version = numba.__version__ if numba is not None else ""
    checks = os.environ.get("NUMBA_BOUNDSCHECK", "0")
    digest.update(f"{version} {platform.machine()} {checks}".encode())
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = base / "tidegate" / f"kernels-{digest.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that other kernels call: it allocates nothing, and an array that it returns is an argument's.

    Without reference counts a kernel runs four times as fast. It has neither machine code nor a cache of its own: what
    is kept on disk is the entry that it is part of.
    """
    if not IS_COMPILED:
        return function
    options = {"no_cfunc_wrapper": True, "no_cpython_wrapper": True, "pipeline_class": linking.KernelCompiler}
    return linking.with_one_version(numba.njit(function, **_OPTIONS, **_UNCOUNTED, **options))


def entry(declared: Any = None, *, counts_references: bool = True) -> Callable[..., Any]:
    """Compile a function that Python calls (at its first call, or at once if declared) and keep it on disk.

    Only one that counts references may allocate, or return an array that is not an argument's.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if not IS_COMPILED:
            return function
        # The cache takes its folder from the configuration at decoration time; other packages keep theirs.
        before = numba.config.CACHE_DIR
        folder = os.environ.get("NUMBA_CACHE_DIR") or str(_cache_folder(Path(function.__code__.co_filename)))
        options = {"pipeline_class": linking.EntryCompiler, **({} if counts_references else _UNCOUNTED)}
        numba.config.CACHE_DIR = folder
        try:
            return numba.jit(declared, nopython=True, cache=True, **_OPTIONS, **options)(function)
        finally:
            numba.config.CACHE_DIR = before

    return decorate


def direct(compiled: Any) -> Any:
    """A declared entry without the look at its arguments, which takes longer than a step of an episode.

    They must be of the declared types.
    """
    if not IS_COMPILED:
        return compiled
    (version,) = compiled.overloads.values()
    return version.entry_point


def pointer(compiled: Any) -> Any:
    """A declared entry as an argument of entries that call what they are given."""
    return linking.Pointer(compiled) if IS_COMPILED else compiled


@lru_cache
def from_python(function: Any) -> Any:
    """A kernel as an entry of its own, where Python needs one: in a check, in a test."""
    return entry(counts_references=False)(getattr(function, "py_func", function))


def signature(result: Any, *arguments: Any) -> Any:
    """Numba's signature of a function, from an example of its result and of each argument.

    None where nothing is compiled. An argument may itself be a signature: a function that is passed by pointer.
    """
    if not IS_COMPILED:
        return None
    kinds = [
        linking.PointerType(argument)
        if isinstance(argument, numba.core.typing.templates.Signature)
        else numba.typeof(argument)
        for argument in arguments
    ]
    return numba.typeof(result)(*kinds)


def _itself(value: Any) -> Any:
    """What stands for a reference where nothing is compiled."""
    return value


by_reference: Any = reference.by_reference if IS_COMPILED else _itself
ReferenceExample: Any = reference.Example if IS_COMPILED else _itself
_OPTIONS = {"error_model": "numpy", "nogil": True}
_UNCOUNTED = {"_nrt": False}

__all__ = [
    "IS_COMPILED",
    "ReferenceExample",
    "by_reference",
    "direct",
    "entry",
    "from_python",
    "kernel",
    "pointer",
    "signature",
]
