"""The event log: rows `(time, kind, subject, place, value)` in the order of rules.md, section 8."""

import hashlib

import numpy as np

from .jit import kernel
from .state import World

FINISH, EVICT, CAPACITY, ANNOUNCE, PRICE, POST, ARRIVE, WRITE_OFF, OFFER, START = range(1, 11)
FAIL, PREEMPT, REQUEST, DENY, CANCEL, KILL, EXPIRE, MISS, READY, STAGE, WITHDRAW = range(11, 22)
KINDS = (
    *("FINISH", "EVICT", "CAPACITY", "ANNOUNCE", "PRICE", "POST", "ARRIVE", "WRITE_OFF", "OFFER", "START"),
    *("FAIL", "PREEMPT", "REQUEST", "DENY", "CANCEL", "KILL", "EXPIRE", "MISS", "READY", "STAGE", "WITHDRAW"),
)


@kernel
def record(world: World, kind: int, subject: int, place: int, value: int) -> None:
    """Append a row; without a log, do nothing. The caller of `advance` drains the log before it is full."""
    if world.log.shape[0] > 0:
        state = world.state[0]
        row = state.log_rows
        world.log[row, 0] = state.now
        world.log[row, 1] = kind
        world.log[row, 2] = subject
        world.log[row, 3] = place
        world.log[row, 4] = value
        state.log_rows = row + 1


def digest(rows: np.ndarray) -> str:
    """SHA-256 of the rows as little-endian int64: the identity of a run."""
    return hashlib.sha256(np.ascontiguousarray(rows, dtype="<i8").tobytes()).hexdigest()
