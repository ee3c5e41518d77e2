"""What the linear program shares out: large jobs one by one, small ones in groups.

Of a child that stands for itself the program knows when its parents end, so these stand for themselves too. A group is
what arrives in one stretch of time, of one class, about equally long, and fits the sites alike. It may be worked on as
if it were liquid; what its waiting costs is underestimated by no more than how much its jobs differ.
"""

from typing import Any, NamedTuple

import numpy as np

from .instance import Instance

SINGLES = 400  # jobs, the largest, that stand for themselves
STRETCH = 2.0  # h in which the jobs of a group arrive
OCTAVE = 2.0  # ratio of the longest run of a group to the shortest
LONGEST_WAIT = 48.0  # h, of a group: from then on the program runs it free of charge
TOO_LONG = 1.5  # a wait that costs so many times the dearest run is none


class Items(NamedTuple):
    """Arrays of shape (items,), with sites (items, sites). A job's or group's *share* of a slot sums to 1."""

    is_single: np.ndarray  # bool: its waiting is counted as a whole, not slot by slot
    is_steady: np.ndarray  # bool: a single one that runs once, without a break
    release: np.ndarray  # h
    limit: np.ndarray  # h: from here on it runs free of charge
    rate: np.ndarray  # dollars per hour by which all of it is later
    offset: (
        np.ndarray
    )  # (items, sites) h: mean of the slots in which it runs + offset is at most its start; of a group: its wait
    occupancy: np.ndarray  # (items, sites) accelerator-h; infinite: it cannot run there
    length: np.ndarray  # (items, sites) h: at least so long does all of it take
    footprint: np.ndarray  # (items, sites) accelerators that must exist
    fare: np.ndarray  # (items, sites) dollars
    deadline: np.ndarray  # h
    penalty: np.ndarray  # dollars
    parents: tuple[tuple[int, ...], ...]  # items whose last end its waiting counts from; none in a group
    end: np.ndarray  # h: it cannot end before

    def __len__(self) -> int:
        return len(self.release)


def items_of(instance: Instance, fine: float) -> Items:
    """The items of an episode, for slots that are multiples of `fine` [h] long."""
    work = instance.work
    size = np.where(np.isfinite(work.length), work.length * work.footprint, 0).max(axis=1, initial=0)
    large = np.zeros(len(work), bool)
    large[np.argsort(-size, kind="stable")[:SINGLES]] = True
    for row in range(len(work) - 1, -1, -1):  # parents come before their children
        if large[row]:
            large[list(work.parents[row])] = True
    parts = [_singles(instance, np.flatnonzero(large), fine), _groups(instance, np.flatnonzero(~large))]
    return Items(*map(_joined, zip(*parts, strict=True)))


def _joined(columns: tuple) -> Any:
    return columns[0] + columns[1] if isinstance(columns[0], tuple) else np.concatenate(columns)


def _singles(instance: Instance, chosen: np.ndarray, fine: float) -> Items:
    work = instance.work
    length, footprint = work.length[chosen], work.footprint[chosen]
    rate, release = work.rate[chosen], work.release[chosen]
    runs = np.isfinite(length)
    place = {int(row): item for item, row in enumerate(chosen)}
    parents = tuple(tuple(place[parent] for parent in work.parents[row]) for row in chosen)
    is_child = np.array([len(own) > 0 for own in parents], bool)
    finite = np.where(runs, length, 0.0)
    spread = finite.max(axis=1) - np.where(runs, length, np.inf).min(axis=1)
    moved = np.where(work.is_steady[chosen], 0.0, spread / 8)
    offset = early(finite, fine) - finite / 2 - moved[:, None]
    occupancy = np.where(runs, length * footprint, np.inf)
    return Items(
        is_single=np.ones(len(chosen), bool),
        is_steady=work.is_steady[chosen],
        release=release,
        limit=np.where(is_child, instance.horizon, _limits(instance, release, rate, occupancy)),
        rate=rate,
        offset=offset,
        occupancy=occupancy,
        length=length,
        footprint=footprint,
        fare=work.fare[chosen],
        deadline=work.deadline[chosen],
        penalty=work.penalty[chosen],
        parents=parents,
        end=release + np.where(runs, length, np.inf).min(axis=1, initial=np.inf),
    )


def early(length: np.ndarray, fine: float) -> np.ndarray:
    """How much later [h] than its slots' beginnings a run of `length` [h] lies in the mean, at least.

    The least over all places of the run: whole slots count half of one, and what is left lies at a slot's beginning.
    """
    slots = np.floor(length / fine)
    rest = length - slots * fine
    return (slots * fine**2 + rest**2) / np.maximum(2 * length, 1e-12)


def _groups(instance: Instance, chosen: np.ndarray) -> Items:
    work, sites = instance.work, len(instance.price)
    length = work.length[chosen]
    runs = np.isfinite(length)
    longest = np.where(runs, length, 0).max(axis=1, initial=0)
    ratio = work.footprint[chosen] / work.gang[chosen][:, None]
    is_child = np.array([len(work.parents[row]) > 0 for row in chosen], bool)
    keys = np.column_stack(
        [
            work.cls[chosen],
            runs @ (1 << np.arange(sites)),
            np.floor(work.release[chosen] / STRETCH),
            np.floor(np.log(np.maximum(longest, 1e-6)) / np.log(OCTAVE)),
            np.ceil(np.log2(ratio)) @ (10 ** np.arange(sites)),
            np.isfinite(work.deadline[chosen]),
            is_child,
        ]
    ).astype(np.int64)
    _, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.reshape(-1)
    count = int(group.max(initial=-1)) + 1
    amount = work.gang[chosen] * np.where(runs, length, np.inf).min(axis=1)  # accelerator-h where it is fastest
    total = np.bincount(group, amount, count)
    last = _largest(group, work.release[chosen], count)
    upper = _largest(group, longest, count)
    # A child waits from its parents' end, which is not known here: it waits for nothing.
    per_hour = np.where(is_child, 0.0, work.rate[chosen]) / amount  # dollars per hour and accelerator-h
    rate = _least(group, per_hour, count) * total
    # Of each site: its occupancy per accelerator-hour of work, where that is least.
    thin = np.where(runs, length * work.footprint[chosen] / amount[:, None], np.inf)
    occupancy = np.stack([_least(group, thin[:, site], count) * total for site in range(sites)], axis=1)
    fare = work.fare[chosen] / amount[:, None]
    release = _least(group, work.release[chosen], count)
    horizon = np.minimum(instance.horizon, last + upper + LONGEST_WAIT)
    return Items(
        is_single=np.zeros(count, bool),
        is_steady=np.zeros(count, bool),
        release=release,
        limit=np.minimum(_limits(instance, last + upper, rate, occupancy), horizon),
        rate=rate,
        offset=np.repeat(-(last + upper)[:, None], sites, axis=1),
        occupancy=occupancy,
        length=np.stack([_least(group, length[:, site], count) for site in range(sites)], axis=1),
        footprint=np.stack([_least(group, work.footprint[chosen, site], count) for site in range(sites)], axis=1),
        fare=np.stack([_least(group, fare[:, site], count) * total for site in range(sites)], axis=1),
        deadline=_largest(group, work.deadline[chosen], count),
        penalty=_least(group, work.penalty[chosen] / amount, count) * total,
        parents=((),) * count,
        end=release,
    )


def _limits(instance: Instance, since: np.ndarray, rate: np.ndarray, occupancy: np.ndarray) -> np.ndarray:
    """From when on [h] each item is given up: it has waited for more than its dearest run would cost."""
    dearest = np.array([one.value.max() for one in instance.price])
    bill = (np.where(np.isfinite(occupancy), occupancy, 0.0) * dearest).max(axis=1, initial=0)
    patience = np.where((bill > 0) & (rate > 0), TOO_LONG * bill / np.maximum(rate, 1e-12), np.inf)
    return np.minimum(since + np.maximum(patience, 24.0), instance.horizon)


def _least(group: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    out = np.full(count, np.inf)
    np.minimum.at(out, group, values)
    return out


def _largest(group: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    out = np.full(count, -np.inf)
    np.maximum.at(out, group, values)
    return out
