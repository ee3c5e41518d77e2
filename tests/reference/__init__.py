"""A slow and obvious simulator of `docs/rules.md`, in plain Python: what the kernel is compared with, event by event.

world.py            what a world consists of: lists and integers
simulator.py        one function per rule
random_worlds.py    small worlds in which every rule is switched on, and a choice that both sides can compute
"""
