"""How much it matters that an offer is answered as the teacher would."""

import numpy as np

from ...fastsim.observe import JOB_FEATURES

MOST = 50  # times the mean


def stakes(observations: np.ndarray) -> np.ndarray:
    """Weights (rows,) of the answers to some offers, float32; observations: (rows, size) float32.

    What a wrong answer costs grows with gang × requested walltime, and a few offers hold most of that.
    """
    gang, hours = (observations[:, JOB_FEATURES.index(name)] for name in ("gang", "requested_hours"))
    work = gang / (1 - gang) * hours / (1 - hours)  # both were squashed
    return 1 + np.minimum(work / work.mean(), MOST)
