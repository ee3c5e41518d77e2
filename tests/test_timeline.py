"""Timelines against a sorted list: every answer after every change, through growth, decay and copies."""

import bisect
from random import Random

import numpy as np
import pytest

from tidegate.fastsim import timeline
from tidegate.fastsim.jit import entry
from tidegate.fastsim.state import RELEASES, World, allocate, world_of

KEYS = 300  # at once in each of two lines
ADD, TAKE_OUT = 0, 1
ANSWERS = (
    "first key",
    "last key",
    "how many",
    "the middle one",
    "weight before",
    "key reaching",
    "keys up to",
    "last of them",
)


@entry()
def followed(world, moves, answers):
    """Make the moves (n, 5): line, ADD or TAKE_OUT, key, weight, a sum that is looked for; fill answers (n, 8)."""
    row = np.zeros(KEYS + 2, np.int64)
    for index in range(moves.shape[0]):
        line, what, key, weight, total = moves[index]
        if what == ADD:
            timeline.add(world, line, key, weight)
        else:
            timeline.take_out(world, line, key)
        answers[index, 2] = timeline.keys_of(world, line, row)
        answers[index, 0] = row[0] if answers[index, 2] > 0 else timeline.NONE
        answers[index, 1] = timeline.last_key(world, line)
        answers[index, 3] = row[answers[index, 2] // 2] if answers[index, 2] > 0 else timeline.NONE
        answers[index, 4] = timeline.weight_before(world, line, key)
        answers[index, 5] = timeline.key_reaching(world, line, total)
        answers[index, 6] = timeline.keys_between(world, line, key - 500, key + 1, row, 1) - 1
        answers[index, 7] = row[answers[index, 6]] if answers[index, 6] > 0 else timeline.NONE


@entry()
def copied(source, target):
    """Copy all lines."""
    timeline.copy_lines(source, target)


class Lines:
    """The same as sorted lists, and moves that are drawn."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.order = seed % 3  # any key goes, or the least, or the largest: then whole blocks empty beside full ones
        self.lines: dict[int, list[tuple[int, int]]] = {RELEASES + 2: [], RELEASES + 5: []}

    def drawn(self, count: int, growth: float) -> tuple[np.ndarray, np.ndarray]:
        """Moves, of which a share `growth` adds, and the right answers."""
        pairs = [self._move(growth) for _ in range(count)]
        return np.array([move for move, _ in pairs]), np.array([answers for _, answers in pairs])

    def _move(self, growth: float) -> tuple[list[int], list[int]]:
        line, rows = self.rng.choice(list(self.lines.items()))
        if not rows or (self.rng.random() < growth and len(rows) < KEYS):
            key, weight = self._free_key(rows), self.rng.randint(1, 9)
            bisect.insort(rows, (key, weight))
            what = ADD
        else:
            key, weight = rows.pop((self.rng.randrange(len(rows)), 0, -1)[self.order])
            what = TAKE_OUT
        total = self.rng.randint(1, 10 + sum(weight for _, weight in rows))
        return [line, what, key, weight, total], self._answers(rows, key, total)

    def _free_key(self, rows: list[tuple[int, int]]) -> int:
        taken = {key for key, _ in rows}
        while True:
            key = self.rng.choice([self.rng.randint(0, 1 << 40), self.rng.randint(1000, 2000)])
            if key not in taken:
                return key

    @staticmethod
    def _answers(rows: list[tuple[int, int]], key: int, total: int) -> list[int]:
        sums = np.cumsum([weight for _, weight in rows])
        near = [other for other, _ in rows if key - 500 <= other <= key]
        return [
            rows[0][0] if rows else timeline.NONE,
            rows[-1][0] if rows else timeline.NONE,
            len(rows),
            rows[len(rows) // 2][0] if rows else timeline.NONE,
            sum(weight for other, weight in rows if other < key),
            next((other for (other, _), reached in zip(rows, sums, strict=True) if reached >= total), timeline.NONE),
            len(near),
            near[-1] if near else timeline.NONE,
        ]


def follow(world: World, lines: Lines, count: int, growth: float) -> None:
    """Draw moves, make them, compare each answer."""
    moves, right = lines.drawn(count, growth)
    answers = np.zeros((count, len(ANSWERS)), np.int64)
    followed(world, moves, answers)
    np.testing.assert_array_equal(answers, right, f"{moves.tolist()[:3]} …: {', '.join(ANSWERS)}")


@pytest.mark.parametrize("seed", range(6))
def test_a_line_answers_like_a_sorted_list_while_it_grows_and_shrinks(seed):
    lines, world = Lines(seed), world_of(allocate(episodes=1, slots=2 * KEYS, sites=6, known=0), 0)
    for growth in (0.9, 0.2, 0.9, 0.5, 0.1):
        follow(world, lines, 500, growth)
        assert world.heads[-2] <= world.blocks.shape[0]


def test_a_copy_answers_like_the_original_and_goes_its_own_way():
    original, copy = (world_of(allocate(episodes=1, slots=2 * KEYS, sites=6, known=0), 0) for _ in range(2))
    one, other = Lines(7), Lines(7)
    follow(original, one, 600, 0.8)
    follow(original, one, 300, 0.3)
    other.drawn(600, 0.8)
    other.drawn(300, 0.3)
    copied(original, copy)
    follow(original, one, 500, 0.2)
    other.rng = Random(8)
    follow(copy, other, 500, 0.7)
