"""Auditors: they read the event log row by row and believe nothing else.

Each follows one thing, says which promise the first bad row breaks, and counts what it has met. They are written from
rules.md, for speed and not for completeness: who is chosen (queues, backfilling, draws) is the reference simulator's.

order.py   time, the steps of an instant, and that supply keeps to its schedule
places.py  where each job is, and that accelerators and jobs are conserved
work.py    that runs end when their work is done, what is saved of it, and where data lie
money.py   a ledger of its own, and every posting that must follow from it
"""
