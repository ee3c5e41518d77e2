"""Worlds of a few jobs, worked by hand from docs/rules.md: what the kernel and the reference simulator must both say.

Each function in these files returns one toy. Its docstring names the sentence of the rules that it proves and works
the answer out. None of them was made by running a simulator.

notation.py      how a toy is written down: a world in a few words, and its event log as a table that a human can read
supply.py        capacity that comes, slips, is recalled, or goes with seconds of notice
footprint.py     granules and cubes, and what they cost
meters.py        billing increments, budgets, flat price steps
offers.py        what wakes a pass, what does not, and whom a site suits
requests.py      start-ups: granted, denied, evicted, planned with
runs.py          speeds, ports, overruns, kills
staging.py       data that are staged and paid for, and the state that moves with a job
failures.py      who is hit, what is lost, when the run then ends
preemption.py    victims, their order, and what becomes of them
pipelines.py     parents and children, partners, evaluations; written-off and cancelled members
serving.py       blocks of serving: late, expired, hit, moved
timers.py        deadlines
contracts.py     floors, overage, carry, arrears, ends, accrual
"""
