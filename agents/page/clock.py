"""The axis of time: simulated days, of which day 0 is a Monday."""

import numpy as np

from ...fastsim.units import DAY, HOUR, MINUTE
from .picture import Drawn

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONDAY = 4 * DAY  # ms from Plotly's epoch, a Thursday, to the first Monday: its dates then have our weekdays
POINTS = 1008  # a week of ten minutes
STEPS = tuple(
    [minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 20, 30)]
    + [hours * HOUR for hours in (1, 2, 3, 4, 6, 12)]
    + [days * DAY for days in (1, 2, 7, 28)]
)
MOST_TICKS = 7


def dates(instants: np.ndarray) -> list[int]:
    """Instants [ms] as Plotly's dates."""
    return (np.asarray(instants, np.int64) + MONDAY).tolist()


def grid(begin: int, end: int) -> np.ndarray:
    """Instants from `begin` to `end` [ms], both among them, at a round step: about a thousand at most."""
    step = next((step for step in STEPS if end - begin <= POINTS * step), STEPS[-1])
    return np.append(np.arange(begin, end, step), end)


def time_axis(begin: int, end: int) -> Drawn:
    """From `begin` to `end` [ms]: ticks at midnights, with the day's name and number."""
    first, last = -(-begin // DAY), end // DAY
    step = next((days for days in (1, 2, 7, 14, 28, 91, 182) if last - first <= days * MOST_TICKS), 364)
    days = range(first, last + 1, step)
    return {
        "type": "date",
        "range": [begin + MONDAY, end + MONDAY],
        "tickvals": [day * DAY + MONDAY for day in days],
        "ticktext": [f"{WEEKDAYS[day % 7]}<br>day {day}" for day in days],
        "hoverformat": "%a %H:%M",
    }
