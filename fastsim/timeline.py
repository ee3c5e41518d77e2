"""Timelines: ascending int64 keys (a time, and a slot in the low bits), each with a weight (accelerators), in blocks.

A world has four lines a site: of requested ends, of starts, of who would make way, and its queue, whose keys are in
job order (state.py). To add a key, to take it out, to add up the weights before it and to find where they reach a sum
takes one block and one pass over the totals of the blocks. That is one block of a few cache lines where fifty jobs
run, and a thousand additions, which vectorise, where a hundred thousand do. A search tree does as few steps, but each
waits for memory.

Invariant: a line has the entries 0 … n − 1 in order. Entry e owns the block BLOCK, whose weights sum up to TOTAL; keys
below FIRST are in entries before it, the others are not. After a removal no neighbours fit into one block of FULL
keys, so that two of FULL / 2 or fewer never meet; none is empty unless it is the only one. So a line of k keys has at
most 1 + 4 k / FULL entries.
"""

from typing import Any

import numpy as np

from .jit import kernel
from .memory import zeros

WIDTH = 64  # keys of a block
FULL = 48  # keys up to which neighbours become one: less than WIDTH, so that the next key does not part them again
CHUNK = 16  # keys that are compared at once; WIDTH is a multiple
FIRST, TOTAL, BLOCK = range(3)  # rows of a line's entries
NONE = -1  # no such key
LAST = (1 << 63) - 1  # stands in the free places of a block's last chunk

BLOCKS = np.dtype(
    [("count", "i8"), ("keys", "i8", (WIDTH,)), ("weights", "i8", (WIDTH,))], align=True
)  # keys ascending; `count`, in a free block: 1 + the next free one, or 0


def allocate_lines(episodes: int, lines: int, keys: int, longest: int) -> tuple[np.ndarray, np.ndarray, Any]:
    """Heads, entries and blocks of empty lines, among which up to `keys` keys are divided, `longest` of them on one.

    Shapes: heads (episodes, lines + 2): how many entries each line has, how many blocks were ever used, 1 + the first
    free one among them; entries (episodes, lines, 3, …): FIRST, TOTAL, BLOCK; blocks (episodes, …) BLOCKS.
    """
    return (
        np.zeros((episodes, lines + 2), np.int64),
        np.zeros((episodes, lines, 3, 2 + 4 * longest // FULL), np.int64),
        zeros((episodes, 2 * lines + 4 * keys // FULL), BLOCKS).view(np.recarray),
    )


@kernel
def below(block: Any, key: int) -> int:
    """How many keys of a block are below `key`: all are compared, which vectorises."""
    keys, found = block.keys, 0
    for place in range((block.count + CHUNK - 1) & -CHUNK):
        found += 1 if keys[place] < key else 0
    return found


@kernel
def weight_below(block: Any, key: int) -> int:
    """Sum of the weights of the keys of a block below `key`."""
    keys, weights, total = block.keys, block.weights, 0
    for place in range((block.count + CHUNK - 1) & -CHUNK):
        total += weights[place] if keys[place] < key else 0
    return total


@kernel
def reaching(block: Any, weight: int) -> int:
    """The first key of a block up to which, itself included, the weights sum up to `weight`, which they do."""
    place, missing = 0, weight - block.weights[0]
    while missing > 0:
        place += 1
        missing -= block.weights[place]
    return block.keys[place]


@kernel
def put(block: Any, key: int, weight: int) -> None:
    """Add a key to a block with room."""
    keys, weights, place = block.keys, block.weights, block.count
    block.count = place + 1
    if place % CHUNK == 0:
        for free in range(place, place + CHUNK):
            keys[free] = LAST
    while place > 0 and keys[place - 1] > key:
        keys[place] = keys[place - 1]
        weights[place] = weights[place - 1]
        place -= 1
    keys[place] = key
    weights[place] = weight


@kernel
def cut(block: Any, key: int) -> int:
    """Take out a key that a block has; its weight."""
    keys, weights, last = block.keys, block.weights, block.count - 1
    at = below(block, key)
    weight = weights[at]
    block.count = last
    for place in range(at, last):
        keys[place] = keys[place + 1]
    for place in range(at, last):
        weights[place] = weights[place + 1]
    keys[last] = LAST
    return weight


@kernel
def clear(world: Any) -> None:
    """Empty every line."""
    for index in range(world.heads.shape[0]):
        world.heads[index] = 0


@kernel
def entry_of(world: Any, line: int, key: int) -> int:
    """The entry whose block has `key`, or would; the line has entries."""
    low, high = 0, world.heads[line]
    while high - low > 1:
        middle = (low + high) >> 1
        if world.entries[line, FIRST, middle] <= key:
            low = middle
        else:
            high = middle
    return low


@kernel
def add(world: Any, line: int, key: int, weight: int) -> None:
    """Add a key that is not there."""
    if world.heads[line] == 0:
        open_entry(world, line, 0, 0)
    at = entry_of(world, line, key)
    block = world.blocks[world.entries[line, BLOCK, at]]
    if block.count < WIDTH:
        put(block, key, weight)
        world.entries[line, TOTAL, at] += weight
    else:
        split(world, line, at)
        if key >= world.entries[line, FIRST, at + 1]:
            at += 1
        put(world.blocks[world.entries[line, BLOCK, at]], key, weight)
        world.entries[line, TOTAL, at] += weight


@kernel
def take_out(world: Any, line: int, key: int) -> None:
    """Take out a key that is there."""
    at = entry_of(world, line, key)
    world.entries[line, TOTAL, at] -= cut(world.blocks[world.entries[line, BLOCK, at]], key)
    if world.heads[line] > 1:
        close_ranks(world, line, at)


@kernel
def close_ranks(world: Any, line: int, at: int) -> None:
    """Entry `at` has lost a key: neighbours that fit into one block share one, and an empty one goes."""
    while at + 1 < world.heads[line] and belong_together(world, line, at):
        merge(world, line, at)
    while at > 0 and belong_together(world, line, at - 1):
        at -= 1
        merge(world, line, at)


@kernel
def belong_together(world: Any, line: int, at: int) -> bool:
    """Whether an entry and the next should be one."""
    here, next_one = count_of(world, line, at), count_of(world, line, at + 1)
    return here == 0 or next_one == 0 or here + next_one <= FULL


@kernel
def count_of(world: Any, line: int, at: int) -> int:
    """Keys of an entry."""
    return world.blocks[world.entries[line, BLOCK, at]].count


@kernel
def open_entry(world: Any, line: int, at: int, first: int) -> None:
    """Entry `at` is new, with an empty block; those from there on move up."""
    used = world.heads.shape[0] - 2
    block = world.heads[used + 1] - 1
    if block >= 0:
        world.heads[used + 1] = world.blocks[block].count
    else:
        block = world.heads[used]
        world.heads[used] += 1
    for row in range(3):
        for index in range(world.heads[line], at, -1):
            world.entries[line, row, index] = world.entries[line, row, index - 1]
    world.heads[line] += 1
    world.entries[line, FIRST, at] = first
    world.entries[line, TOTAL, at] = 0
    world.entries[line, BLOCK, at] = block
    world.blocks[block].count = 0


@kernel
def split(world: Any, line: int, at: int) -> None:
    """The upper half of a full block becomes an entry of its own."""
    half = WIDTH // 2
    left = world.blocks[world.entries[line, BLOCK, at]]
    open_entry(world, line, at + 1, left.keys[half])
    right = world.blocks[world.entries[line, BLOCK, at + 1]]
    moved = 0
    for place in range(half, WIDTH):
        put(right, left.keys[place], left.weights[place])
        moved += left.weights[place]
    left.count = half
    world.entries[line, TOTAL, at] -= moved
    world.entries[line, TOTAL, at + 1] = moved


@kernel
def merge(world: Any, line: int, at: int) -> None:
    """Entry `at` takes over the keys of the next one, whose block is free."""
    number = world.entries[line, BLOCK, at + 1]
    left, right = world.blocks[world.entries[line, BLOCK, at]], world.blocks[number]
    for place in range(right.count):
        put(left, right.keys[place], right.weights[place])
    world.entries[line, TOTAL, at] += world.entries[line, TOTAL, at + 1]
    free = world.heads.shape[0] - 1
    right.count = world.heads[free]
    world.heads[free] = number + 1
    world.heads[line] -= 1
    for row in range(3):
        for index in range(at + 1, world.heads[line]):
            world.entries[line, row, index] = world.entries[line, row, index + 1]


@kernel
def first_key(world: Any, line: int) -> int:
    """The least key of a line that has one."""
    return world.blocks[world.entries[line, BLOCK, 0]].keys[0]


@kernel
def keys_before(world: Any, line: int, key: int, enough: int) -> int:
    """How many keys are below `key`; of more than `enough` not all are counted."""
    if world.heads[line] == 0:
        return 0
    at = entry_of(world, line, key)
    found, before = below(world.blocks[world.entries[line, BLOCK, at]], key), 0
    while before < at and found <= enough:
        found += count_of(world, line, before)
        before += 1
    return found


@kernel
def last_key(world: Any, line: int) -> int:
    """The largest key of a line, or NONE."""
    if world.heads[line] == 0:
        return NONE
    block = world.blocks[world.entries[line, BLOCK, world.heads[line] - 1]]
    return block.keys[block.count - 1] if block.count > 0 else NONE


@kernel
def keys_of(world: Any, line: int, row: np.ndarray) -> int:
    """Write all keys of a line, in order, on a row; returns how many they are."""
    count = 0
    for at in range(world.heads[line]):
        block = world.blocks[world.entries[line, BLOCK, at]]
        keys = block.keys
        for place in range(block.count):
            row[count + place] = keys[place]
        count += block.count
    return count


@kernel
def keys_between(world: Any, line: int, low: int, high: int, row: np.ndarray, count: int) -> int:
    """Append the keys from `low` on and below `high`, in order, to the `count` first of a row; the new count."""
    at = entry_of(world, line, low)
    while at < world.heads[line]:
        block = world.blocks[world.entries[line, BLOCK, at]]
        for place in range(below(block, low), block.count):
            if block.keys[place] >= high:
                return count
            row[count] = block.keys[place]
            count += 1
        at += 1
    return count


@kernel
def weight_before(world: Any, line: int, key: int) -> int:
    """Sum of the weights of the keys below `key`."""
    if world.heads[line] == 0:
        return 0
    at = entry_of(world, line, key)
    total = weight_below(world.blocks[world.entries[line, BLOCK, at]], key)
    for index in range(at):
        total += world.entries[line, TOTAL, index]
    return total


@kernel
def key_reaching(world: Any, line: int, weight: int) -> int:
    """The first key up to which, itself included, the weights sum up to `weight` (≥ 1) or more, or NONE."""
    at, missing = 0, weight
    while at < world.heads[line] and world.entries[line, TOTAL, at] < missing:
        missing -= world.entries[line, TOTAL, at]
        at += 1
    if at == world.heads[line]:
        return NONE
    return reaching(world.blocks[world.entries[line, BLOCK, at]], missing)


@kernel
def copy_lines(source: Any, target: Any) -> None:
    """Make `target` the same lines; only what is in use moves."""
    lines = source.heads.shape[0] - 2
    for index in range(lines + 2):
        target.heads[index] = source.heads[index]
    for line in range(lines):
        for row in range(3):
            for at in range(source.heads[line]):
                target.entries[line, row, at] = source.entries[line, row, at]
    for number in range(source.heads[lines]):
        copy_block(source.blocks[number], target.blocks[number])


@kernel
def copy_block(source: Any, target: Any) -> None:
    """The used part of a block; a free one has a `count`, too."""
    target.count = source.count
    for place in range(min((source.count + CHUNK - 1) & -CHUNK, WIDTH)):
        target.keys[place] = source.keys[place]
        target.weights[place] = source.weights[place]
