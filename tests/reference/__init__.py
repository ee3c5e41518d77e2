"""A slow and obvious simulator of `docs/rules.md`, in plain Python: what the kernel is compared with, event by event.

world.py            what a world consists of: lists and integers
quantities.py       arithmetic and draws (section 1)
log.py              kinds of rows, accounts
state.py            what changes, and what fits where
pipelines.py        parents, children, partners
contracts.py        meters, settlement, accrual (section 7)
runs.py             set-up, runs, failures (section 6)
dispatch.py         queues, preemption, requests (section 5)
offers.py           what is legal (section 4)
simulator.py        time, and the order of one instant (sections 3 and 8)
toys.py             short ways to write worlds that are worked by hand
random_worlds.py    small worlds in which every rule is switched on, and a choice that both sides can compute;
                    taste.py, random_sites.py and random_jobs.py are its parts
"""
