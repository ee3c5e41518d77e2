"""Sections 1 and 2: rounding, draws, footprints, what suits."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a cost is rounded up",
        "units.py",
        "(use % 3_600_000) * price // 3_600_000",
        "((use % 3_600_000) * price + 3_599_999) // 3_600_000",
    ),
    Mutant(
        "a duration at another speed is rounded down",
        "units.py",
        "(duration * 1000 + speed - 1) // speed",
        "duration * 1000 // speed",
    ),
    Mutant(
        "staging is rounded down",
        "units.py",
        "(megabytes * 8000 + link - 1) // link",
        "megabytes * 8000 // link",
    ),
    Mutant(
        "egress is rounded up",
        "units.py",
        "megabytes * rate // 1000",
        "(megabytes * rate + 999) // 1000",
    ),
    Mutant(
        "draws are mixed with one shift less",
        "keyed.py",
        "return bits ^ (bits >> S31)",
        "return bits",
    ),
    Mutant(
        "the last cell of a distribution is as coarse as the others",
        "keyed.py",
        "cell += np.int64((bits >> S44) & CELL)",
        "cell += 0",
    ),
    Mutant(
        "a quantile is the nearest below",
        "keyed.py",
        "table[cell] + (((table[cell + 1] - table[cell]) * fraction) >> FRACTION_BITS)",
        "table[cell]",
    ),
    Mutant(
        "a gang of just `cube_from` takes no whole cubes",
        "needs.py",
        "gang >= rules.cube_from[site]",
        "gang > rules.cube_from[site]",
    ),
    Mutant(
        "a gang that fills its granules takes one more",
        "needs.py",
        "(gang + unit - 1) // unit * unit",
        "(gang // unit + 1) * unit",
    ),
    Mutant(
        "one of the required tags is enough",
        "needs.py",
        "(work.tags & ~spec.rules[0].tags[spec.rules[0].provider[site]]) == 0",
        "(work.tags == 0 or (work.tags & spec.rules[0].tags[spec.rules[0].provider[site]]) != 0)",
    ),
    Mutant(
        "a site suits by its capacity before the gang is rounded up",
        "needs.py",
        "footprint(spec, work.gang, site) <= world.state[0].reach[site]",
        "work.gang <= world.state[0].reach[site]",
    ),
    Mutant(
        "what a site may still reach forgets the steps to come",
        "supply.py",
        "state.reach[site] = max(state.capacity[site], later)",
        "state.reach[site] = state.capacity[site]",
    ),
    Mutant(
        "what a site once reached it may always reach",
        "supply.py",
        "state.reach[site] = max(state.capacity[site], later)",
        "state.reach[site] = max(state.reach[site], later)",
    ),
    Mutant(
        "the larger id goes first among equals",
        "state.py",
        "| (job << SLOT_BITS) | slot",
        "| (((1 << JOB_BITS) - 1 - job) << SLOT_BITS) | slot",
    ),
    Mutant(
        "a promise that is withdrawn happens after all",
        "spec.py",
        "if withdrawn and withdrawn[0] > 0:\n"
        "                    noted.append((withdrawn[0], site, at, WITHDRAWN, capacity))\n"
        "                else:\n"
        "                    happening",
        "if withdrawn and withdrawn[0] > 0:\n"
        "                    noted.append((withdrawn[0], site, at, WITHDRAWN, capacity))\n"
        "                if True:\n"
        "                    happening",
    ),
    Mutant(
        "a step that is announced at time 0 is not known from the beginning",
        "spec.py",
        "KNOWN if announced <= 0 else ANNOUNCED",
        "KNOWN if announced < 0 else ANNOUNCED",
    ),
)
