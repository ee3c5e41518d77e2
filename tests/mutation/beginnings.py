"""Worlds that begin late, follow another variant, or are copied; and what is kept of their jobs."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "what arrives next does not count towards the most that may be in the world",
        "advance.py",
        "        present += jobs[job].gang\n",
        "",
    ),
    Mutant(
        "who has left the world still counts towards it",
        "placing.py",
        "    state.present -= work.gang\n",
        "",
    ),
    Mutant(
        "nobody looks at what delay has cost",
        "advance.py",
        "delay_cost(spec, world) + state.write_offs > MOST_IMPUTED",
        "state.write_offs > MOST_IMPUTED",
    ),
    Mutant(
        "a step at the instant of the beginning has happened before",
        "advance.py",
        "spec.capacity_steps[state.next_step].at < state.now:",
        "spec.capacity_steps[state.next_step].at <= state.now:",
    ),
    Mutant(
        "a notice at the instant of the beginning has been heard before",
        "advance.py",
        "notice.time >= state.now:",
        "notice.time > state.now:",
    ),
    Mutant(
        "a price step at the instant of the beginning has happened before",
        "advance.py",
        "spec.price_steps[state.next_price].at < state.now:",
        "spec.price_steps[state.next_price].at <= state.now:",
    ),
    Mutant(
        "capacity is delivered before the world begins",
        "advance.py",
        "state.delivered_offset[site] = -state.capacity[site] * now",
        "state.delivered_offset[site] = 0",
    ),
    Mutant(
        "every world follows the first schedules that were drawn",
        "advance.py",
        "drawn = spec.variants[variant]",
        "drawn = spec.variants[0]",
    ),
    Mutant(
        "a copy forgets when runs end",
        "state.py",
        "    copy_prefix(source.keys[HEAP], target.keys[HEAP], state.finishes)\n",
        "",
    ),
    Mutant(
        "a copy forgets the offers that are open",
        "state.py",
        "    copy_prefix(source.keys[OFFERS], target.keys[OFFERS], state.offers)\n",
        "",
    ),
    Mutant(
        "a copy forgets who is held",
        "state.py",
        "    copy_prefix(source.keys[HELD], target.keys[HELD], state.held)\n",
        "",
    ),
    Mutant(
        "a copy forgets the outcomes of requests",
        "state.py",
        "    copy_prefix(source.keys[REQUESTS], target.keys[REQUESTS], state.requests)\n",
        "",
    ),
    Mutant(
        "a copy forgets the timers",
        "state.py",
        "    copy_prefix(source.keys[TIMERS], target.keys[TIMERS], state.timers)\n",
        "",
    ),
    Mutant(
        "a copy forgets the children that are pending",
        "state.py",
        "    copy_prefix(source.keys[PENDINGS], target.keys[PENDINGS], state.pending)\n",
        "",
    ),
    Mutant(
        "a copy forgets the known steps",
        "state.py",
        "        copy_prefix(source.plans[site], target.plans[site], state.planned[site])\n",
        "        pass\n",
    ),
    Mutant(
        "a result keeps the start of a run that was broken off",
        "outcomes.py",
        "        world.results[index].start = -1\n",
        "",
    ),
    Mutant(
        "a result does not count early ends",
        "outcomes.py",
        "        world.results[index].evictions += 1\n",
        "",
    ),
    Mutant(
        "a result forgets what writing its job off cost",
        "outcomes.py",
        "        world.results[index].written_off = amount\n",
        "",
    ),
)
