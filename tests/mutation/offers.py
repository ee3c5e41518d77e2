"""Section 4: who is offered, what is legal, what an answer does."""

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a last offer that is just `reoffer_gap` ago is too recent",
        "offers.py",
        "world.live[slot].offered <= latest",
        "world.live[slot].offered < latest",
    ),
    Mutant(
        "a pass spares those asked just now even when capacity was lost",
        "offers.py",
        "state.now if state.loss == 1 else state.now - rules.reoffer_gap",
        "state.now - rules.reoffer_gap",
    ),
    Mutant(
        "a pass looks at all that wait",
        "offers.py",
        "min(rules.pass_size, state.waiting)",
        "state.waiting if rules.pass_size > 0 else 0",
    ),
    Mutant(
        "a site may be held out for that is not large enough yet and nobody has announced",
        "offers.py",
        "world.state[0].announced_reach[site]",
        "world.state[0].reach[site]",
    ),
    Mutant(
        "a site that is announced to be large enough is not legal yet",
        "supply.py",
        "state.announced_reach[site] = max(state.announced_reach[site], capacity)",
        "pass",
    ),
    Mutant(
        "a site whose budget is spent is legal",
        "offers.py",
        "        and not budget_is_spent(spec, world, spec.rules[0].provider[site])\n",
        "",
    ),
    Mutant(
        "hold is legal when a job has waited just `max_hold`",
        "offers.py",
        "world.state[0].now - item.ready < spec.rules[0].max_hold",
        "world.state[0].now - item.ready <= spec.rules[0].max_hold",
    ),
    Mutant(
        "hold is legal though nobody would ask again",
        "offers.py",
        " and spec.rules[0].pass_size > 0",
        "",
    ),
    Mutant(
        "an illegal action becomes the highest legal site",
        "offers.py",
        "            action = 0\n            while mask[action] == 0:\n                action += 1\n",
        "            action = sites - 1\n            while mask[action] == 0:\n                action -= 1\n",
    ),
    Mutant(
        "an illegal action becomes a legal site though hold is legal",
        "offers.py",
        "        if mask[sites] == 0:\n            action = 0\n            while mask[action] == 0:\n",
        "        if True:\n            action = 0\n            while mask[action] == 0:\n",
    ),
    Mutant(
        "an offer does not count as the last one",
        "offers.py",
        "    item.offered = state.now\n",
        "",
    ),
    Mutant(
        "a job that is queued where it was queued enters the queue anew",
        "offers.py",
        "    if item.site != action:\n",
        "    if item.site != action or action < sites:\n",
    ),
    Mutant(
        "a queue that a job enters is not touched",
        "placing.py",
        "    state.touched[site] = 1\n",
        "",
    ),
    Mutant(
        "a queue that a job leaves is not touched",
        "placing.py",
        "        state.touched[item.site] = 1\n",
        "",
    ),
    Mutant(
        "a denied job has waited since before its request",
        "placing.py",
        "    item.start = -1\n    item.ready = world.state[0].now\n    add_offer(",
        "    item.start = -1\n    add_offer(",
    ),
)
