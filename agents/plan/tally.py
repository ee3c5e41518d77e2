"""What one play came to, small enough to be kept: money and use of every window, and how long jobs waited.

Waits are counted in bins that grow by 2 %, so that a quantile of any number of plays is known to within 1 %.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ...fastsim.units import HOUR, SECOND
from ..evaluation.scoring import COSTS
from ..evaluation.window import Played

MONEY = (*COSTS, "floors", "used")  # µ$ of each window
AMOUNTS = ("length", *MONEY, "jobs", "unfinished", "written_off", "queued")  # queued: accelerator-ms that waited
BY_SITE = ("busy", "supply")  # accelerator-ms of each window and site
GROWTH = 1.02  # from one bin of waits to the next
BINS = 1 + int(np.ceil(np.log(5 * 366 * 24 * HOUR / SECOND) / np.log(GROWTH)))  # the first: no wait of a second


@dataclass(frozen=True)
class Tally:
    """One play of one policy in one world; arrays of int64."""

    begin: int  # of the first window, ms
    amounts: dict[str, np.ndarray]  # of AMOUNTS, (windows,)
    by_site: dict[str, np.ndarray]  # of BY_SITE, (windows, sites)
    waits: np.ndarray  # (BINS,) jobs, without blocks of serving

    @classmethod
    def of(cls, played: Played, begin: int, sites: int) -> Self:
        """Of a play whose first window began at `begin` [ms]."""
        rows = played.rows
        amounts = {name: np.asarray(rows[name], np.int64) for name in AMOUNTS if name not in ("used", "queued")}
        amounts["used"], amounts["queued"] = rows.used.sum(axis=1), rows.waiting.sum(axis=1)
        by_site = {name: np.asarray(rows[name][:, :sites], np.int64) for name in BY_SITE}
        fares = played.fares
        return cls(begin, amounts, by_site, counted(fares.waited[(fares.waited >= 0) & ~fares.is_block]))

    @property
    def avoidable(self) -> np.ndarray:
        """Of each window, µ$."""
        return np.sum([self.amounts[name] for name in COSTS], axis=0)

    @property
    def bill(self) -> np.ndarray:
        """Avoidable cost and floors of each window, µ$."""
        return self.avoidable + self.amounts["floors"]

    def record(self) -> dict[str, Any]:
        """As JSON has it; bins without a job are left out."""
        bins = np.flatnonzero(self.waits).tolist()
        return {
            "begin": self.begin,
            "amounts": {name: values.tolist() for name, values in self.amounts.items()},
            "by_site": {name: values.tolist() for name, values in self.by_site.items()},
            "waits": [bins, self.waits[bins].tolist()],
        }

    @classmethod
    def read(cls, record: dict[str, Any]) -> Self:
        """From what `record` gave. Raises KeyError, TypeError or ValueError for anything else."""
        windows = len(record["amounts"]["length"])
        amounts = {name: np.array(record["amounts"][name], np.int64) for name in AMOUNTS}
        by_site = {name: np.array(record["by_site"][name], np.int64).reshape(windows, -1) for name in BY_SITE}
        waits = np.zeros(BINS, np.int64)
        bins, jobs = record["waits"]
        waits[bins] = jobs
        if any(values.shape != (windows,) for values in amounts.values()):
            raise ValueError("not as many windows of each amount")
        return cls(int(record["begin"]), amounts, by_site, waits)


def counted(waited: np.ndarray) -> np.ndarray:
    """How many waits [ms] fall into each bin, (BINS,) int64."""
    logs = np.log(np.maximum(waited, 1) / SECOND) / np.log(GROWTH)
    return np.bincount(np.clip(np.floor(logs).astype(np.int64) + 1, 0, BINS - 1), minlength=BINS)


def quantile_hours(waits: np.ndarray, share: float) -> np.ndarray:
    """A quantile of waits [h] of each row of counts (…, BINS), which need not be whole; NaN where there is no job.

    The middle of the bin that holds it, on a logarithmic scale; 0 in the first.
    """
    below = np.cumsum(waits, axis=-1)
    total = below[..., -1]
    place = (below < (share * total)[..., None]).sum(axis=-1)
    hours = np.where(place == 0, 0.0, SECOND * GROWTH ** (place - 0.5) / HOUR)
    return np.where(total > 0, hours, np.nan)
