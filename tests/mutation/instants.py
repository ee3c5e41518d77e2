"""Section 3: the order of one instant, losses and gains of capacity, announcements, prices."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "ends of one instant go by the largest id",
        "ends.py",
        "world.live[other].job < world.live[first].job",
        "world.live[other].job > world.live[first].job",
    ),
    Mutant(
        "timers and outcomes of one instant go by the largest id",
        "state.py",
        "world.live[slot].job < world.live[first].job",
        "world.live[slot].job > world.live[first].job",
    ),
    Mutant(
        "timers come before ends",
        "instant.py",
        "        end_runs(spec, jobs, world)\n"
        "    if state.timers > 0 and world.keys[TIMERS, 0] >> SLOT_BITS == at:\n"
        "        ring(jobs, world)\n",
        "        if state.timers > 0 and world.keys[TIMERS, 0] >> SLOT_BITS == at:\n"
        "            ring(jobs, world)\n"
        "        end_runs(spec, jobs, world)\n"
        "    if state.timers > 0 and world.keys[TIMERS, 0] >> SLOT_BITS == at:\n"
        "        ring(jobs, world)\n",
    ),
    Mutant(
        "failures come before timers",
        "instant.py",
        "    if state.timers > 0 and world.keys[TIMERS, 0] >> SLOT_BITS == at:\n"
        "        ring(jobs, world)\n"
        "    if state.next_failure == at:\n"
        "        fail(spec, jobs, world)\n",
        "    if state.next_failure == at:\n"
        "        fail(spec, jobs, world)\n"
        "    if state.timers > 0 and world.keys[TIMERS, 0] >> SLOT_BITS == at:\n"
        "        ring(jobs, world)\n",
    ),
    Mutant(
        "failures come after losses of capacity",
        "instant.py",
        "    if state.next_failure == at:\n"
        "        fail(spec, jobs, world)\n"
        "    is_scheduled = state.next_schedule == at\n"
        "    if is_scheduled:\n"
        "        lose_capacity(spec, jobs, world)\n",
        "    is_scheduled = state.next_schedule == at\n"
        "    if is_scheduled:\n"
        "        lose_capacity(spec, jobs, world)\n"
        "    if state.next_failure == at:\n"
        "        fail(spec, jobs, world)\n"
        "    if is_scheduled:\n",
    ),
    Mutant(
        "outcomes come before steps of capacity",
        "instant.py",
        "        lose_capacity(spec, jobs, world)\n"
        "        gain_capacity(spec, world)\n"
        "    if state.requests > 0 and world.keys[REQUESTS, 0] >> SLOT_BITS == at:\n"
        "        resolve(spec, jobs, world)\n"
        "    if is_scheduled:\n",
        "        pass\n"
        "    if state.requests > 0 and world.keys[REQUESTS, 0] >> SLOT_BITS == at:\n"
        "        resolve(spec, jobs, world)\n"
        "    if is_scheduled:\n"
        "        lose_capacity(spec, jobs, world)\n"
        "        gain_capacity(spec, world)\n",
    ),
    Mutant(
        "prices and settlement come before announcements",
        "instant.py",
        "        announce(spec, world)\n        change_prices(spec, world)\n",
        "        change_prices(spec, world)\n        announce(spec, world)\n",
    ),
    Mutant(
        "arrivals come before prices",
        "instant.py",
        "        change_prices(spec, world)\n",
        "        while state.next_job < state.last_job and jobs[state.next_job].arrival == at:\n"
        "            arrive(spec, jobs, world, state.next_job)\n"
        "            state.next_job += 1\n"
        "        change_prices(spec, world)\n",
    ),
    Mutant(
        "a cut evicts even when everything just fits",
        "supply.py",
        "while state.occupied[step.site] > state.capacity[step.site]",
        "while state.occupied[step.site] >= state.capacity[step.site]",
    ),
    Mutant(
        "a step to the same capacity is a loss",
        "supply.py",
        "if step.capacity < state.capacity[step.site]:",
        "if step.capacity <= state.capacity[step.site]:",
    ),
    Mutant(
        "the most urgent are evicted first",
        "supply.py",
        "return mine < its",
        "return mine > its",
    ),
    Mutant(
        "the earliest start is evicted first",
        "supply.py",
        "return first.start > second.start or",
        "return first.start < second.start or",
    ),
    Mutant(
        "of those that started together the smallest id is evicted first",
        "supply.py",
        "first.job > second.job",
        "first.job < second.job",
    ),
    Mutant(
        "a loss of capacity touches nothing",
        "supply.py",
        "            state.touched[step.site] = LOST\n        index += 1",
        "        index += 1",
    ),
    Mutant(
        "a gain of capacity touches nothing",
        "supply.py",
        "            state.touched[step.site] = 1\n            record(world, CAPACITY",
        "            record(world, CAPACITY",
    ),
    Mutant(
        "a step of capacity is no wake-up unless something is lost",
        "supply.py",
        "        state.wake = 1\n        pass_step(",
        "        pass_step(",
    ),
    Mutant(
        "an announcement touches nothing",
        "supply.py",
        "        state.touched[notice.site] = 1\n",
        "",
    ),
    Mutant(
        "an announcement is no wake-up",
        "supply.py",
        "        state.next_notice += 1\n        state.wake = 1\n",
        "        state.next_notice += 1\n",
    ),
    Mutant(
        "a price step is no wake-up",
        "supply.py",
        "        state.wake = 1\n        state.next_price += 1\n",
        "        state.next_price += 1\n",
    ),
    Mutant(
        "a price step touches its site",
        "supply.py",
        "        state.wake = 1\n        state.next_price += 1\n",
        "        state.wake = 1\n        state.touched[step.site] = 1\n        state.next_price += 1\n",
    ),
    Mutant(
        "a period's end is no wake-up",
        "supply.py",
        "        settle(spec, world)\n        state.wake = 1\n",
        "        settle(spec, world)\n",
    ),
    Mutant(
        "a period's end dispatches no site of a provider with a budget",
        "supply.py",
        "if spec.rules[0].budget[spec.rules[0].provider[site]] >= 0:",
        "if False:",
    ),
    Mutant(
        "an end of a run is no wake-up",
        "ends.py",
        "    state.wake = 1\n",
        "",
    ),
    Mutant(
        "a multiple of the offer interval is no wake-up",
        "instant.py",
        "        state.wake = 1\n        state.next_wake += interval\n",
        "        state.next_wake += interval\n",
    ),
    Mutant(
        "every instant is a wake-up",
        "advance.py",
        "if state.wake == 1 and state.waiting > 0:",
        "if state.waiting > 0:",
    ),
    Mutant(
        "an announcement and a withdrawal are logged alike",
        "supply.py",
        "WITHDRAW if notice.kind == WITHDRAWN else ANNOUNCE",
        "ANNOUNCE",
    ),
)
