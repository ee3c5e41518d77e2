"""Large arrays from one process to another, through a file in memory that both see.

A pipe takes 64 KiB at a time: whoever reads two megabytes from it wakes for each part, and wants the interpreter every
time, for which the decisions of the router wait.
"""

import mmap
import os
import pickle
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

MEMORY = Path("/dev/shm")  # where there is none, such files lie where others do
ALIGNED = 64  # bytes


class Parcel(NamedTuple):
    """Something pickled, of which the arrays lie in a file."""

    content: bytes
    sizes: tuple[int, ...]  # of the arrays, bytes
    file: str  # "": there is no room for one, and the arrays are in `content`


def packed(what: Any) -> Parcel:
    """What is to be sent; whoever gets it unpacks it once."""
    arrays = list[pickle.PickleBuffer]()
    content = pickle.dumps(what, 5, buffer_callback=arrays.append)
    parts = [one.raw() for one in arrays]
    file = ""
    try:
        handle, file = tempfile.mkstemp(prefix="tidegate-", dir=MEMORY if MEMORY.is_dir() else None)
        with os.fdopen(handle, "wb") as out:
            for part in parts:
                out.write(part)
                out.write(bytes(-len(part) % ALIGNED))
    except OSError:
        if file:
            os.unlink(file)
        return Parcel(pickle.dumps(what, 5), (), "")
    return Parcel(content, tuple(len(part) for part in parts), file)


def unpacked(parcel: Parcel) -> Any:
    """What was sent. Its arrays are the file's memory, which goes with the last of them; its name goes at once."""
    if not parcel.file:
        return pickle.loads(parcel.content)
    with open(parcel.file, "rb") as file:
        memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    os.unlink(parcel.file)
    arrays, begin = list[memoryview](), 0
    for size in parcel.sizes:
        arrays.append(memory[begin : begin + size])
        begin += size + -size % ALIGNED
    return pickle.loads(parcel.content, buffers=arrays)
