"""Names of the generator's draws: entities and attempts of the keyed generator (fastsim/keyed.py).

An entity is a kind, above `ENTITY_BITS`, and a number. The attempts of a submission are its own draws, then `DRAWS` for
each of its jobs, then those of a pipeline.
"""

from ..fastsim.errors import InputError

ENTITY_BITS = 40  # of an entity, for the number of the submission, slot or layer; the kind is above

# Kinds: classes by number, then these.
FIRST_PIPELINE = 16  # + pipeline
FIRST_CLIENTS = 32  # + 16 × service + group of clients; its number is a slot
FIRST_LAYER = 288  # + service; its number is a layer

GAP, GANG, TAGS, SIZE, NATIVE, DATASET, HOME = 0, 1, 2, 3, 4, 5, 6  # attempts of a submission
DRAWS = 8
WALLTIME, EARLY, STOP, REQUEST, FACTOR, SPACING, DUE, SLACK = 0, 1, 2, 3, 4, 5, 6, 7  # of a job, from 8 × (place + 1)
RELEASE = 1 << 19  # of a pipeline: DUE and SLACK of its deadline
STAGES = 1 << 20  # + stage


def check_name(where: str, what: str, value: int) -> None:
    """Raise InputError for a seed, stream or episode that names no draw: each is an integer in [0, 2^63)."""
    if not 0 <= value < 1 << 63:
        raise InputError(where, what, value, "is outside [0, 2^63)", "choose another")
