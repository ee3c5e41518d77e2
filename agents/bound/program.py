"""The linear program of an instance: its columns, its rows, and what each of them means.

    minimise  Σ price × accelerator-hours + Σ delay rate × waiting + Σ penalty × share that is late
    share of an item over all sites and slots, and "after its limit"                                        = 1
    wait + ready − Σ share × (slot's beginning + offset)                                                   ≥ 0
    ready of a child − Σ over its parents (ready + wait + run + stretch)                                   ≤ a constant
    accelerator-hours at a site in a slot, stretches and serving included                                  ≤ its room
    served + missing, of each class of serving in a slot                                                   ≥ demand

docs/bound.md proves that every schedule, with its failures, evictions and restarts, has a point of this program that
costs no more. Hours and dollars.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from .instance import Instance, Serving
from .items import Items

FINE, COARSE = 168, 6  # slots of the window at most; a slot after it is so many times as long


class Program(NamedTuple):
    """Minimise cost · x, where lower ≤ matrix x ≤ upper and 0 ≤ x ≤ most."""

    cost: np.ndarray  # (columns,)
    most: np.ndarray  # (columns,); infinite for waits, which cost something
    matrix: Any  # (rows, columns) CSR
    lower: np.ndarray  # (rows,)
    upper: np.ndarray  # (rows,)


def slots(instance: Instance) -> tuple[np.ndarray, float]:
    """Edges of the slots [h] from 0 to the horizon; and the length of the first ones, which divides all others."""
    fine = max(1.0, np.ceil(instance.window / FINE))
    switch = np.ceil(instance.window / (fine * COARSE)) * fine * COARSE
    first = np.arange(0, min(switch, instance.horizon), fine)
    then = np.arange(switch, instance.horizon, fine * COARSE)
    return np.concatenate([first, then, [instance.horizon]]), float(fine)


class Tableau:
    """Columns and rows as they are added."""

    def __init__(self) -> None:
        self.cost: list[np.ndarray] = []
        self.most: list[np.ndarray] = []
        self.columns = 0
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add_columns(self, cost: np.ndarray, most: np.ndarray | float) -> np.ndarray:
        """New columns; returns their numbers."""
        self.cost.append(cost)
        self.most.append(np.broadcast_to(most, cost.shape))
        self.columns += len(cost)
        return np.arange(self.columns - len(cost), self.columns)

    def add_row(self, lower: float, upper: float) -> int:
        """A new row, empty; returns its number."""
        self.lower.append(lower)
        self.upper.append(upper)
        return len(self.lower) - 1

    def put(self, rows: Any, columns: np.ndarray, values: Any) -> None:
        """Entries of the matrix; those of one place add up."""
        columns = np.atleast_1d(columns)
        self.entries.append((np.broadcast_to(rows, columns.shape), columns, np.broadcast_to(values, columns.shape)))

    def program(self) -> Program:
        """What was added."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        matrix = csr_array((values.astype(float), (rows, columns)), shape=(len(self.lower), self.columns))
        lower, upper = np.array(self.lower), np.array(self.upper)
        return Program(np.concatenate(self.cost), np.concatenate(self.most), matrix, lower, upper)


class Ground(NamedTuple):
    """Machines slot by slot; arrays of shape (sites, slots)."""

    edges: np.ndarray  # (slots + 1,) h
    room: np.ndarray  # accelerator-h
    price: np.ndarray  # dollars per accelerator-h, the lowest
    largest: np.ndarray  # accelerators, the most that exist
    rows: np.ndarray  # int64: the row of each in the program


def program_of(instance: Instance, items: Items, edges: np.ndarray) -> Program:
    """The program over slots with these `edges` [h]."""
    tableau = Tableau()
    ground = _ground(tableau, instance, edges)
    readies, waits, runs = {}, {}, {}
    is_parent = np.zeros(len(items), bool)
    for own in items.parents:
        is_parent[list(own)] = True
    for item in range(len(items)):
        columns = _place(tableau, ground, instance, items, item)
        if items.is_single[item]:
            waits[item] = tableau.add_columns(items.rate[item : item + 1], np.inf)
            _wait(tableau, items, item, columns, waits[item], readies, waits, runs)
        if is_parent[item]:
            runs[item] = _stretch(tableau, ground, items, item, columns)
    for cls in np.unique(instance.serving.rate):
        _serve(tableau, ground, instance.serving, cls, instance.window)
    return tableau.program()


def _ground(tableau: Tableau, instance: Instance, edges: np.ndarray) -> Ground:
    room = np.stack([np.maximum(one.within(edges)[0], 0.0) for one in instance.room])
    price = np.stack([one.within(edges)[1] for one in instance.price])
    largest = np.stack([one.within(edges)[2] for one in instance.capacity])
    rows = np.array([[tableau.add_row(-np.inf, float(hours)) for hours in own] for own in room])
    return Ground(edges, room, price, largest, rows)


class Columns(NamedTuple):
    """An item's shares, as columns. The last is the one after its limit, at the site where its offset is least."""

    column: np.ndarray  # int64
    at: np.ndarray  # h: the slot's beginning, or that of the run
    site: np.ndarray  # int64

    def hours(self, items: Items, item: int) -> np.ndarray:
        """How long a whole share runs [h]; after the limit: as long as it may take at most."""
        own = items.length[item, self.site]
        own[-1] = items.length[item][np.isfinite(items.length[item])].max()
        return own


def _place(tableau: Tableau, ground: Ground, instance: Instance, items: Items, item: int) -> Columns:
    """The shares of one item, which add up to 1."""
    column, at, where = [], [], []
    sites = np.flatnonzero(np.isfinite(items.occupancy[item])).tolist()
    add = _starts if items.is_steady[item] else _shares
    for site in sites:
        begin = float(items.release[item] + instance.start_up[site])
        own, begins = add(tableau, ground, items, item, site, begin)
        column.append(own)
        at.append(begins)
        where.append(np.full(len(own), site))
    least = sites[int(np.argmin(items.offset[item, sites]))]
    limit = np.array([items.limit[item]])
    column.append(tableau.add_columns(_extra(items, item, least, limit), np.ones(1)))
    found = Columns(np.concatenate(column), np.concatenate([*at, limit]), np.concatenate([*where, [least]]))
    tableau.put(tableau.add_row(1.0, 1.0), found.column, 1.0)
    return found


def _shares(
    tableau: Tableau, ground: Ground, items: Items, item: int, site: int, begin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of slots, from `begin` [h] on: work that may be broken off and moved; with the slots' beginnings."""
    edges = ground.edges
    first = int(np.searchsorted(edges, begin, side="right")) - 1
    last = int(np.searchsorted(edges, items.limit[item]))
    slot = np.arange(max(first, 0), min(last, len(edges) - 1))
    slot = slot[ground.largest[site, slot] >= items.footprint[item, site]]
    most = (edges[slot + 1] - np.maximum(edges[slot], begin)) / items.length[item, site]
    cost = ground.price[site, slot] * items.occupancy[item, site] + items.fare[item, site]
    own = tableau.add_columns(cost + _extra(items, item, site, edges[slot]), np.minimum(most, 1.0))
    tableau.put(ground.rows[site, slot], own, items.occupancy[item, site])
    return own, edges[slot]


def _starts(
    tableau: Tableau, ground: Ground, items: Items, item: int, site: int, begin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Runs without a break that begin at `begin` [h] or when a slot does; with their beginnings.

    A run that begins between two of these is a mixture of both: it waits as long, and uses in each slot at least as
    much as the mixture does, if that uses whole slots only.
    """
    edges, length = ground.edges, items.length[item, site]
    first = max(int(np.searchsorted(edges, begin, side="right")) - 1, 0)
    last = min(int(np.searchsorted(edges, items.limit[item])), len(edges) - 1)
    slot = np.arange(first, last)
    slot = slot[ground.largest[site, slot] >= items.footprint[item, site]]
    at = np.maximum(edges[slot], begin)
    whole = np.diff(edges)[slot]
    used = np.floor(length / whole + 1e-9) * whole
    overlap = np.minimum(at[:, None] + used[:, None], edges[1:]) - np.maximum(at[:, None], edges[:-1])
    row, busy = np.nonzero(overlap > 1e-9)
    before = np.concatenate([at[:1], at[:-1]])
    late = np.where(before + length > items.deadline[item] + 1e-9, items.penalty[item], 0.0)
    price = _lowest(ground, site, before, np.minimum(np.append(at[1:], at[-1:]) + length, edges[-1]))
    own = tableau.add_columns(price * items.occupancy[item, site] + items.fare[item, site] + late, np.ones(len(slot)))
    tableau.put(ground.rows[site, busy], own[row], overlap[row, busy] * items.footprint[item, site])
    return own, at


def _lowest(ground: Ground, site: int, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The lowest price [dollars] of a site in the slots between each `begin` and `end` [h]."""
    own = ground.price[site]
    if (own == own[0]).all():
        return np.full(len(begin), own[0])
    first = np.searchsorted(ground.edges, begin, side="right") - 1
    last = np.minimum(np.searchsorted(ground.edges, end), len(own))
    return np.array([own[one : max(one + 1, other)].min() for one, other in zip(first, last, strict=True)])


def _extra(items: Items, item: int, site: int, at: np.ndarray) -> np.ndarray:
    """Dollars of a whole share in the slots that begin `at` [h]: of being late, and in a group of waiting."""
    late = np.where(at >= items.deadline[item], items.penalty[item], 0.0)
    if items.is_single[item]:
        return late
    return late + items.rate[item] * np.maximum(at + items.offset[item, site], 0.0)


def _wait(
    tableau: Tableau,
    items: Items,
    item: int,
    columns: Columns,
    wait: np.ndarray,
    readies: dict[int, np.ndarray],
    waits: dict[int, np.ndarray],
    runs: dict[int, tuple[np.ndarray, np.ndarray]],
) -> None:
    """A single item waits from when it is ready: a constant, or of a child a column of its own."""
    parents = items.parents[item]
    row = tableau.add_row(0.0 if parents else -items.release[item], np.inf)
    tableau.put(row, wait, 1.0)
    offset = 0.0 if items.is_steady[item] else items.offset[item, columns.site]
    tableau.put(row, columns.column, -(columns.at + offset))
    if not parents:
        return
    readies[item] = tableau.add_columns(np.zeros(1), np.array([items.limit[item] * 2]))
    tableau.put(row, readies[item], 1.0)
    # The last of several ends is at most the last of the earliest ends, and all by which each is later than that.
    ends = items.end[list(parents)]
    roots = [parent for parent in parents if not items.parents[parent]]
    order = tableau.add_row(-np.inf, float(ends.max() - ends.sum() + items.release[roots].sum()))
    tableau.put(order, readies[item], 1.0)
    for parent in parents:
        if items.parents[parent]:
            tableau.put(order, readies[parent], -1.0)
        tableau.put(order, waits[parent], -1.0)
        tableau.put(order, runs[parent][0], -runs[parent][1])


def _stretch(
    tableau: Tableau, ground: Ground, items: Items, item: int, columns: Columns
) -> tuple[np.ndarray, np.ndarray]:
    """How long a parent runs: columns, and hours of each.

    What it repeats after failures stretches its run, and uses accelerators, but is no waiting of its children.
    """
    column, value = [columns.column], [columns.hours(items, item)]
    for site in np.flatnonzero(np.isfinite(items.occupancy[item])):
        slot = np.flatnonzero(ground.edges[1:] > items.release[item])
        length = np.diff(ground.edges)[slot]
        own = tableau.add_columns(ground.price[site, slot] * items.footprint[item, site], length)
        tableau.put(ground.rows[site, slot], own, items.footprint[item, site])
        column.append(own)
        value.append(np.ones(len(slot)))
    return np.concatenate(column), np.concatenate(value)


def _serve(tableau: Tableau, ground: Ground, serving: Serving, rate: float, window: float) -> None:
    """Blocks that cost `rate` while they miss: served at a price, or missing, slot by slot of the window."""
    edges = ground.edges[: int(np.searchsorted(ground.edges, window, side="left")) + 1]
    own = serving.rate == rate
    kinds, kind = np.unique(
        np.column_stack([serving.is_suited[own], np.round(serving.ratio[own], 6)]), axis=0, return_inverse=True
    )
    begin, end, gang = serving.begin[own], serving.end[own], serving.gang[own]
    sites = serving.ratio.shape[1]
    for number, features in enumerate(kinds):
        chosen = kind.reshape(-1) == number
        overlap = np.minimum(edges[1:, None], end[chosen]) - np.maximum(edges[:-1, None], begin[chosen])
        demand = np.maximum(overlap, 0.0) @ gang[chosen]
        wanted = np.flatnonzero(demand > 0)
        missing = tableau.add_columns(np.full(len(wanted), rate), demand[wanted])
        rows = np.array([tableau.add_row(float(demand[slot]), np.inf) for slot in wanted], np.int64)
        tableau.put(rows, missing, 1.0)
        for site in np.flatnonzero(features[:sites]):
            ratio = features[sites + site]
            served = tableau.add_columns(ground.price[site, wanted] * ratio, demand[wanted])
            tableau.put(rows, served, 1.0)
            tableau.put(ground.rows[site, wanted], served, ratio)
