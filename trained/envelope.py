"""Where a policy has been: the observations of its training, so far as a few thousand numbers tell them.

An observation is *familiar* where it lies in a region: each number of it within the range of those seen in training, or
a little beyond, and all of them together no further from their mean than they were there, measured by their covariance,
since prices of training and waits of training may be a pair that never was. That is asked of every legal site. It is
asked, too, of the mean of the last `WINDOW` first offers, whose region is far narrower: what no single job shows, many
do, and which jobs come does not depend on what was decided. How far is what all but one in a thousand of other
observations of training were, and a quarter of it.

envelope.json in a bundle holds the regions; whoever asks the policy looks there first: a network answers anything.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from ..fastsim.errors import InputError
from ..fastsim.jit import IS_COMPILED
from ..fastsim.layout import Layout
from ..fastsim.region import IN, lay_out, located, remember
from .manifest import REMEDY, Observation, Part

ENVELOPE = "envelope.json"
FLAT = 0.02  # the least standard deviation in any direction: less is chance
NARROW = 0.02  # the least range of a feature
PASS = 0.999  # share of other observations of training that are within the distance
SLACK, MEAN_SLACK = 0.25, 0.75  # beyond a range, as shares of it: extremes of other weeks lie further out
FURTHER = 1.25  # times a distance, for the same reason
WINDOW = 64  # first offers whose mean is looked at
DIGITS = 6  # of every number, which moves a distance by less than a thousandth

Row = Annotated[tuple[float, ...], Field(min_length=1, max_length=768)]


class Region(Part):
    """Where rows of features lie."""

    low: Row
    high: Row
    slack: float = Field(ge=0)  # how far beyond a range is let pass, as a share of it
    mean: Row
    factor: Annotated[tuple[Row, ...], Field(min_length=1, max_length=768)]  # row i: from column i on, of the inverse
    distance: float = Field(ge=0)  # at most, in standard deviations

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        lengths = [*map(len, (self.high, self.mean)), *(len(row) + at for at, row in enumerate(self.factor))]
        if len(self.factor) != len(self.low) or set(lengths) != {len(self.low)}:
            raise ValueError("rows are not equally long")
        return self


class Envelope(Part):
    """What envelope.json says."""

    format: Literal[1] = 1
    samples: int = Field(ge=1)  # observations that it was drawn from
    sites: tuple[int, ...] = Field(min_length=1, max_length=8)  # numbers of sites that were seen
    each: Region  # of an observation with one of its legal sites
    means: Region  # of `WINDOW` first offers in a row, each the mean over its legal sites
    fresh: int = Field(ge=0)  # the feature that is 1 at a first offer

    def rendered(self) -> bytes:
        """The text of envelope.json."""
        return self.model_dump_json().encode() + b"\n"


def parse(content: bytes, layout: Layout, where: str) -> Envelope:
    """An envelope from outside. Raises InputError where it is none, or is of other observations."""
    try:
        found = Envelope.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or ENVELOPE
        raise InputError(f"{where}: {ENVELOPE}", place, str(first["input"])[:80], first["msg"], REMEDY) from error
    size = layout.job + layout.clock + layout.site
    for region in (found.each, found.means):
        if len(region.low) != size:
            reason = f"do not fit the observation, which has {size}"
            raise InputError(f"{where}: {ENVELOPE}", "features", len(region.low), reason, REMEDY)
    return found


class Seen(NamedTuple):
    """What was seen in one world, in episodes side by side."""

    observations: np.ndarray  # (n, size) float32
    masks: np.ndarray  # (n, actions) bool
    fresh: list[np.ndarray]  # of each episode: `means_of` its first offers in a row, (m, features)

    def windows(self, size: int) -> np.ndarray:
        """The mean of every `WINDOW` first offers in a row, (windows, size); they overlap by half."""
        found = [np.empty((0, size))]
        for rows in self.fresh:
            found += [rows[at : at + WINDOW].mean(0)[None] for at in range(0, len(rows) - WINDOW + 1, WINDOW // 2)]
        return np.concatenate(found)


def rows_of(observations: np.ndarray, masks: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Observations (batch, size) with one legal site each: (rows, features) float64, and whose they are (rows,)."""
    common, count = layout.job + layout.clock, masks.shape[1] - 1
    which, site = np.nonzero(masks[:, :count])
    sites = observations[:, common:].reshape(len(observations), count, layout.site)
    return np.concatenate([observations[which, :common], sites[which, site]], 1).astype(np.float64), which


def means_of(observations: np.ndarray, masks: np.ndarray, layout: Layout) -> np.ndarray:
    """Each observation's mean over its legal sites, (batch, features); over all sites where none is legal."""
    common, count = layout.job + layout.clock, masks.shape[1] - 1
    legal = masks[:, :count].astype(np.float64)
    legal[legal.sum(1) == 0] = 1.0
    sites = observations[:, common:].reshape(len(observations), count, layout.site)
    mean = (sites * legal[:, :, None]).sum(1) / legal.sum(1)[:, None]
    return np.concatenate([observations[:, :common], mean], 1)


def drawn(seen: Sequence[Seen], others: Sequence[Seen], layout: Layout, fresh: int) -> Envelope:
    """The envelope of what was seen, in any number of worlds; `others` set its limits. `fresh`: as in Envelope."""
    size, ends = layout.job + layout.clock + layout.site, np.cumsum([0, *(len(one.masks) for one in others)])
    rows, which = zip(*(rows_of(*one[:2], layout) for one in others), strict=True)
    whose = np.concatenate([one + end for one, end in zip(which, ends[:-1], strict=True)])
    windows, other_windows = (np.concatenate([one.windows(size) for one in part]) for part in (seen, others))
    return Envelope(
        samples=sum(len(one.masks) for one in seen),
        sites=tuple(sorted({one.masks.shape[1] - 1 for one in seen})),
        each=_region(
            np.concatenate([rows_of(*one[:2], layout)[0] for one in seen]), np.concatenate(rows), whose, SLACK
        ),
        means=_region(windows, other_windows, np.arange(len(other_windows)), MEAN_SLACK),
        fresh=fresh,
    )


def _region(rows: np.ndarray, others: np.ndarray, whose: np.ndarray, slack: float) -> Region:
    """The region of some rows; others, those of one owner together, widen its ranges and set its distance."""
    covariance = np.cov(rows, rowvar=False) + FLAT**2 * np.eye(rows.shape[1])
    factor = np.linalg.cholesky(np.linalg.inv(covariance)).T  # upper: |factor (x − mean)| is the distance
    found = Region(
        low=_numbers(np.minimum(rows.min(0), others.min(0))),
        high=_numbers(np.maximum(rows.max(0), others.max(0))),
        slack=slack,
        mean=_numbers(rows.mean(0)),
        factor=tuple(_numbers(row[at:]) for at, row in enumerate(factor)),
        distance=0.0,
    )
    worst = np.zeros(whose.max() + 1)
    np.maximum.at(worst, whose, Area(found).distance(others))
    return found.model_copy(update={"distance": round(float(np.quantile(worst, PASS)) * FURTHER, 4)})


def _numbers(row: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in row)


class Area:
    """A region, ready to be asked."""

    def __init__(self, region: Region) -> None:
        size = len(region.low)
        self.low, self.high, self.limit = np.array(region.low), np.array(region.high), region.distance
        self._range, self._mean = np.maximum(self.high - self.low, NARROW), np.array(region.mean)
        self._below, self._above = self.low - region.slack * self._range, self.high + region.slack * self._range
        self._factor = np.zeros((size, size))
        for at, row in enumerate(region.factor):
            self._factor[at, at:] = row

    def beyond(self, rows: np.ndarray) -> np.ndarray:
        """How far each number of rows (n, features) lies outside, as a share of its range; below 0: inside."""
        return np.maximum(self.low - rows, rows - self.high) / self._range

    def distance(self, rows: np.ndarray) -> np.ndarray:
        """Of each row from the mean, (n,)."""
        return np.sqrt((((rows - self._mean) @ self._factor.T) ** 2).sum(1))

    def why_not(self, rows: np.ndarray, names: Observation) -> str:
        """Why one of some rows is not in it, in words; nothing where all are."""
        if IS_COMPILED and located(rows, self._below, self._above, self._mean, self._factor, self.limit) == IN:
            return ""
        if ((rows < self._below) | (rows > self._above)).any():
            row, at = np.unravel_index(int(self.beyond(rows).argmax()), rows.shape)
            name = [*names.job, *names.clock, *names.site][at]
            return f"{name} is {rows[row, at]:.3g}, in training {self.low[at]:.3g} … {self.high[at]:.3g}"
        far = self.distance(rows).max(initial=0.0)
        if far > self.limit:
            return f"all together are {far:.1f} from their mean in training, where {self.limit:.1f} was the most"
        return ""


class Familiar:
    """An envelope, ready to be asked; it remembers the last `WINDOW` first offers that it was asked about."""

    def __init__(self, envelope: Envelope, names: Observation) -> None:
        layout, self._names = names.layout, names
        self.sites, self.layout, self._fresh = envelope.sites, layout, envelope.fresh
        self.each, self.means = Area(envelope.each), Area(envelope.means)
        size = len(envelope.each.low)
        self._rows = np.zeros((layout.sites, size))  # of the observation that was asked about last
        self._last, self._asked, self._drift = np.zeros((WINDOW, size)), 0, ""
        self._total, self._mean = np.zeros(size), np.zeros((1, size))

    def why_not(self, observation: np.ndarray, mask: np.ndarray, *, counts: bool = True) -> str:
        """Why an observation (size,) is not familiar, in words; nothing where it is.

        `mask` (actions,) bool says which sites are legal. A first offer is remembered if it `counts`: once a job.
        """
        count = len(mask) - 1
        if count not in self.sites:
            return f"{count} sites, in training {' or '.join(map(str, self.sites))}"
        if len(self._rows) != count:
            self._rows = np.zeros((count, self._rows.shape[1]))
        legal = lay_out(observation, mask, self.layout.job + self.layout.clock, self._rows)
        if counts and observation[self._fresh] == 1:
            self._remember(legal or count)
        reason = self.each.why_not(self._rows[:legal], self._names) if legal else ""
        return reason or self._drift

    def _remember(self, count: int) -> None:
        """One more first offer; from `WINDOW` on it is seen whether they are like those of training."""
        remember(self._rows, count, self._last, self._asked % WINDOW, self._total, self._mean[0])
        self._asked += 1
        if self._asked >= WINDOW:
            reason = self.means.why_not(self._mean, self._names)
            self._drift = f"mean of {WINDOW} jobs: {reason}" if reason else ""
