"""Names of the numbers drawn for a trace's jobs: a stream for each purpose, an entity for each job of a copy."""

from ...fastsim.jit import kernel

# Far from the streams by which episodes of synthetic work are named.
TURN, JITTER, SHUFFLE, START, AT_LIMIT, FACTOR, TAGS = ((1 << 40) + purpose for purpose in range(7))
JOBS = 1 << 32  # of one copy
CERTAIN = 1 << 30  # probability 1, in the units of `keyed.uniform`


@kernel
def entity(copy: int, job: int) -> int:
    """The number that names one job of one copy."""
    return copy * JOBS + job
