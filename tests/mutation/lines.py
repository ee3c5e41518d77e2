"""Timelines of more runs than one block holds."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "the lower half of a block that is parted weighs as much as before",
        "timeline.py",
        "    world.entries[line, TOTAL, at] -= moved\n",
        "",
    ),
    Mutant(
        "a key goes into the lower half of a block that is parted",
        "timeline.py",
        "        if key >= world.entries[line, FIRST, at + 1]:\n            at += 1\n",
        "",
    ),
    Mutant(
        "two blocks that become one weigh what the first did",
        "timeline.py",
        "    world.entries[line, TOTAL, at] += world.entries[line, TOTAL, at + 1]\n",
        "",
    ),
    Mutant(
        "two blocks become one that together are too many keys for it",
        "timeline.py",
        "here + next_one <= FULL",
        "here + next_one <= 2 * FULL",
    ),
    Mutant(
        "an empty block stays beside one that is nearly full",
        "timeline.py",
        "return here == 0 or next_one == 0 or here",
        "return here",
    ),
    Mutant(
        "a block that was given back is given to two",
        "timeline.py",
        "        world.heads[used + 1] = world.blocks[block].count\n",
        "        pass\n",
    ),
    Mutant(
        "what weighs before a key is in its own block",
        "timeline.py",
        "    for index in range(at):\n        total += world.entries[line, TOTAL, index]\n",
        "",
    ),
    Mutant(
        "a sum that a block just reaches is looked for in the next",
        "timeline.py",
        "world.entries[line, TOTAL, at] < missing:",
        "world.entries[line, TOTAL, at] <= missing:",
    ),
    Mutant(
        "the keys of a line are those of its first block",
        "timeline.py",
        "        count += block.count\n",
        "        return block.count\n",
    ),
    Mutant(
        "a copy has the blocks of a line but not their keys",
        "timeline.py",
        "        copy_block(source.blocks[number], target.blocks[number])\n",
        "        pass\n",
    ),
)
