"""Section 5, what starts: FCFS, the plan, preemption, EASY."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a spent budget starts what is queued",
        "dispatch.py",
        "state.queued[site] > 0 and not budget_is_spent(spec, world, spec.rules[0].provider[site])",
        "state.queued[site] > 0",
    ),
    Mutant(
        "a budget that is spent while a site is dispatched stops that dispatch",
        "dispatch.py",
        "    while state.queued[site] > 0:\n",
        "    while state.queued[site] > 0 and not budget_is_spent(spec, world, rules.provider[site]):\n",
    ),
    Mutant(
        "FCFS backfills",
        "dispatch.py",
        "if rules.dispatch == EASY and ",
        "if ",
    ),
    Mutant(
        "a job that needs all that is free cannot start",
        "plan.py",
        "if item.accelerators > state.capacity[site] - state.occupied[site]:",
        "if item.accelerators >= state.capacity[site] - state.occupied[site]:",
    ),
    Mutant(
        "nobody asks the known steps before starting a job",
        "plan.py",
        "return stays_free(spec, world, site, item.accelerators, now, now + length_of(jobs, world, slot))",
        "return True",
    ),
    Mutant(
        "a known step at the very end of a job holds it back",
        "plan.py",
        "if at >= end:",
        "if at > end:",
    ),
    Mutant(
        "planned capacity follows the steps before an instant, not the one at it",
        "plan.py",
        "ordered.position(row, state.planned[site], (at + 1) << SLOT_BITS)\n    return",
        "ordered.position(row, state.planned[site], at << SLOT_BITS)\n    return",
    ),
    Mutant(
        "a job whose requested end is at an instant is still planned to run at it",
        "plan.py",
        "timeline.weight_before(world, RELEASES + site, (at + 1) << SLOT_BITS)",
        "timeline.weight_before(world, RELEASES + site, at << SLOT_BITS)",
    ),
    Mutant(
        "a queued block is planned as long as it was when it was queued",
        "plan.py",
        "return until - world.state[0].now if until > 0 else item.requested",
        "return item.requested",
    ),
    Mutant(
        "the planned length forgets the usual start-up",
        "needs.py",
        "return spec.rules[0].usual_start_up[site] + set_up(",
        "return set_up(",
    ),
    Mutant(
        "the planned length forgets the set-up",
        "needs.py",
        " + set_up(spec, jobs, world, slot, site) + length",
        " + length",
    ),
    Mutant(
        "the planned length is the claim at speed 1000",
        "needs.py",
        "length = item.claim if speed == 1000 else scaled_up(item.claim, speed)",
        "length = item.claim",
    ),
    Mutant(
        "the shadow time of overrun jobs lies in the past",
        "plan.py",
        "shadow = max(key >> SLOT_BITS, state.now)",
        "shadow = key >> SLOT_BITS",
    ),
    Mutant(
        "of the jobs that end at the shadow time only the first ones count for what is to spare",
        "plan.py",
        "return shadow, free - need + released(world, site, shadow)",
        "return shadow, free - need + timeline.weight_before(world, RELEASES + site, key + 1)",
    ),
    Mutant(
        "the head needs more than it needs",
        "plan.py",
        "timeline.key_reaching(world, RELEASES + site, need - free)",
        "timeline.key_reaching(world, RELEASES + site, need - free + 1)",
    ),
    Mutant(
        "the shadow time may lie before the step that makes room for the head",
        "plan.py",
        "at, capacity = end, spec.notices[plan[step] & SLOT_MASK].capacity",
        "capacity = spec.notices[plan[step] & SLOT_MASK].capacity",
    ),
    Mutant(
        "the shadow time may lie before a recall that catches the head",
        "plan.py",
        "if at < end and stays_free(spec, world, site, need, at, at + length):",
        "if at < end:",
    ),
    Mutant(
        "the shadow time may lie after a recall that takes what the head counts on",
        "plan.py",
        "if at < end and stays_free(spec, world, site, need, at, at + length):",
        "if stays_free(spec, world, site, need, at, at + length):",
    ),
    Mutant(
        "a candidate that ends at the shadow time needs the spare",
        "dispatch.py",
        "if shadow < NEVER and end > shadow:",
        "if shadow < NEVER and end >= shadow:",
    ),
    Mutant(
        "a candidate may not take all that the head leaves",
        "dispatch.py",
        "may = item.accelerators <= spare",
        "may = item.accelerators < spare",
    ),
    Mutant(
        "what one candidate takes from the spare is there for the next",
        "dispatch.py",
        "spare -= item.accelerators",
        "spare -= 0",
    ),
    Mutant(
        "a candidate that ends at the shadow time takes from the spare",
        "dispatch.py",
        "if item.requested_end > shadow:",
        "if item.requested_end >= shadow:",
    ),
    Mutant(
        "what a partner's data add to a backfilled run takes nothing from the spare",
        "dispatch.py",
        "if item.requested_end > shadow:",
        "if end > shadow:",
    ),
    Mutant(
        "EASY looks at one job more than it may",
        "dispatch.py",
        "started, left = 0, spec.rules[0].backfill_depth",
        "started, left = 0, spec.rules[0].backfill_depth + 1",
    ),
    Mutant(
        "the head counts as looked at",
        "dispatch.py",
        "last = min(block.count, first + left)",
        "last = min(block.count, left)",
    ),
    Mutant(
        "nobody is looked for who ends just at the shadow time",
        "dispatch.py",
        "is_short = lengths[keys[place] & SLOT_MASK] <= length",
        "is_short = lengths[keys[place] & SLOT_MASK] < length",
    ),
    Mutant(
        "nobody is looked for who takes all that the head leaves",
        "dispatch.py",
        "(is_short | (weights[place] <= spare))",
        "(is_short | (weights[place] < spare))",
    ),
    Mutant(
        "a block of serving counts as being as long as when it was queued",
        "placing.py",
        "-item.requested if work.until > 0 else item.requested",
        "item.requested",
    ),
    Mutant(
        "the head's reservation begins after the shadow time",
        "dispatch.py",
        "may = total <= planned_free(spec, world, site, shadow) and stays_free(",
        "may = stays_free(",
    ),
    Mutant(
        "the head's reservation lasts as long as the candidate",
        "dispatch.py",
        "min(shadow + length, end)",
        "end",
    ),
    Mutant(
        "a candidate is in the way of the head even after it has ended",
        "dispatch.py",
        "min(shadow + length, end)",
        "shadow + length",
    ),
    Mutant(
        "a job that has run just `preempt_after` is no victim",
        "preemption.py",
        "yield_key(lower, latest, 0)",
        "yield_key(lower, latest - 1, 0)",
    ),
    Mutant(
        "a job that has hardly run is a victim",
        "preemption.py",
        "yield_key(lower, latest, 0)",
        "yield_key(lower, state.now, 0)",
    ),
    Mutant(
        "equal priority is a victim",
        "preemption.py",
        "preemptible_below(world, site, priority_of(item.key)) < lacking:\n"
        "        return False\n"
        "    chosen = choose_victims(spec, world, site, priority_of(item.key), lacking)",
        "preemptible_below(world, site, priority_of(item.key) + 1) < lacking:\n"
        "        return False\n"
        "    chosen = choose_victims(spec, world, site, priority_of(item.key) + 1, lacking)",
    ),
    Mutant(
        "victims may be of any class",
        "runs.py",
        "return spec.rules[0].preempt_after > 0 and spec.rules[0].preemptible[cls] == 1",
        "return spec.rules[0].preempt_after > 0",
    ),
    Mutant(
        "the earliest start makes way first",
        "runs.py",
        "((NEVER - 1 - start) << SLOT_BITS)",
        "(start << SLOT_BITS)",
    ),
    Mutant(
        "all who may be are preempted",
        "preemption.py",
        "    while lacking > 0 and chosen < count:",
        "    while chosen < count:",
    ),
    Mutant(
        "too few victims will do",
        "preemption.py",
        "return chosen if lacking <= 0 else 0",
        "return chosen",
    ),
    Mutant(
        "of those that started together the smaller slot makes way first",
        "preemption.py",
        "            best = index\n",
        "            best = best\n",
    ),
    Mutant(
        "somebody is preempted for a job that a recall would catch",
        "preemption.py",
        "if state.dips[site] > 0 and not fits_without(spec, jobs, world, site, slot, chosen):",
        "if False:",
    ),
    Mutant(
        "victims are counted as free where they would have ended anyway",
        "preemption.py",
        "if world.live[victims[victim]].requested_end > at:",
        "if True:",
    ),
)
