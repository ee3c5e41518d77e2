"""The time that a plan looks at, in slots: an hour each at first, longer later.

Decisions of the next hours depend on the next hours most. Two days are planned; five more are there because long jobs
that start within the two go on, and would seem to need nothing of what they occupy after them.
"""

import numpy as np

from ...fastsim.units import HOUR

LENGTHS = (*(1,) * 6, *(2,) * 3, *(4,) * 3, *(8,) * 3, 48, 72)  # hours
EDGES = np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.float64)  # (slots + 1,) h from the plan's time
HOURS = np.diff(EDGES)  # (slots,)
COUNT = len(LENGTHS)
PERIODS = (EDGES * HOUR).astype(np.int64)  # (slots + 1,) ms
