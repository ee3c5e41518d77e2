"""Large arrays from one process to another, through memory that both see.

A pipe takes 64 KiB at a time: whoever reads two megabytes from it wakes for each part, and wants the interpreter every
time, for which the decisions of the router wait. The memory is a file without a name (Linux), so that whoever is killed
leaves nothing behind; elsewhere, and where there is no room for one, everything goes through the pipe.
"""

import mmap
import os
import pickle
from typing import Any, NamedTuple

ALIGNED = 64  # bytes
_sent: list[int] = []  # the file of the last parcel; whoever takes one has taken the one before


class Parcel(NamedTuple):
    """Something pickled, of which the arrays lie in a file."""

    content: bytes
    sizes: tuple[int, ...]  # of the arrays, bytes
    file: str  # "": there is none, and the arrays are in `content`


def packed(what: Any) -> Parcel:
    """What is to be sent; whoever gets it unpacks it once, and before the next one is packed."""
    arrays = list[pickle.PickleBuffer]()
    content = pickle.dumps(what, 5, buffer_callback=arrays.append)
    parts = [one.raw() for one in arrays]
    while _sent:
        os.close(_sent.pop())
    try:
        handle = _file_of(parts)
    except (OSError, AttributeError):  # no room, or no such files here
        return Parcel(pickle.dumps(what, 5), (), "")
    _sent.append(handle)
    return Parcel(content, tuple(len(part) for part in parts), f"/proc/{os.getpid()}/fd/{handle}")


def _file_of(parts: list[memoryview]) -> int:
    """An open file that holds these, one after the other. Raises OSError."""
    handle = os.memfd_create("tidegate")
    try:
        with os.fdopen(handle, "wb", closefd=False) as out:
            for part in parts:
                out.write(part)
                out.write(bytes(-len(part) % ALIGNED))
    except OSError:
        os.close(handle)
        raise
    return handle


def unpacked(parcel: Parcel) -> Any:
    """What was sent. Its arrays are the file's memory, which goes with the last of them."""
    if not parcel.file:
        return pickle.loads(parcel.content)
    with open(parcel.file, "rb") as file:
        memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    arrays, begin = list[memoryview](), 0
    for size in parcel.sizes:
        arrays.append(memory[begin : begin + size])
        begin += size + -size % ALIGNED
    return pickle.loads(parcel.content, buffers=arrays)
