"""Section 6, failures: when and where they fall, who is hit."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a failure beside the last running job hits it",
        "failures.py",
        "if position < min(state.metered[site], state.capacity[site]):",
        "if position <= min(state.metered[site], state.capacity[site]) and state.metered[site] > 0:",
    ),
    Mutant(
        "positions are drawn from the present capacity",
        "failures.py",
        "uniform(bits, spec.variants[state.variant].nominal[site])",
        "uniform(bits, state.capacity[site])",
    ),
    Mutant(
        "the nominal capacity forgets the capacity at the beginning",
        "spec.py",
        "max(largest, capacities[site])",
        "largest if rows else capacities[site]",
    ),
    Mutant(
        "positions count from 1",
        "failures.py",
        "timeline.key_reaching(world, line, position + 1)",
        "timeline.key_reaching(world, line, position)",
    ),
    Mutant(
        "of those that started together the larger id comes first",
        "failures.py",
        "world.live[row[index] & SLOT_MASK].job < world.live[row[best] & SLOT_MASK].job",
        "world.live[row[index] & SLOT_MASK].job > world.live[row[best] & SLOT_MASK].job",
    ),
    Mutant(
        "those that started together lie in the order of their slots",
        "failures.py",
        "    first = timeline.key_reaching(world, line, position + 1) & ~SLOT_MASK\n",
        "    first = timeline.key_reaching(world, line, position + 1)\n    return first & SLOT_MASK\n",
    ),
    Mutant(
        "running jobs lie side by side in the order of their slots",
        "runs.py",
        "timeline.add(world, STARTS * state.sites + item.site, (item.start << SLOT_BITS) | slot, item.accelerators)",
        "timeline.add(world, STARTS * state.sites + item.site, slot, item.accelerators)",
    ),
    Mutant(
        "gaps and positions are drawn with the same key",
        "failures.py",
        "2 * state.failures[site] + 1",
        "2 * state.failures[site]",
    ),
    Mutant(
        "two failures of a site may fall together",
        "failures.py",
        "return max(1, quantile(spec.tables[spec.rules[0].failure[site]], bits))",
        "return max(0, quantile(spec.tables[spec.rules[0].failure[site]], bits))",
    ),
    Mutant(
        "a failure during the set-up only adds a restart",
        "failures.py",
        " + max(0, item.begin - state.now)",
        "",
    ),
    Mutant(
        "a failure costs no restart",
        "failures.py",
        "item.begin = state.now + restart + ",
        "item.begin = state.now + ",
    ),
    Mutant(
        "a block that is hit waits for the whole of a restart that is longer than it",
        "failures.py",
        "work.gang * min(restart, work.until - state.now)",
        "work.gang * restart",
    ),
    Mutant(
        "a failure is a wake-up",
        "failures.py",
        "    state.failed += 1\n",
        "    state.failed += 1\n    state.wake = 1\n",
    ),
    Mutant(
        "a failure dispatches its site",
        "failures.py",
        "    state.failed += 1\n",
        "    state.failed += 1\n    state.touched[item.site] = 1\n",
    ),
)
