"""Mistakes that are planted in the kernel one at a time, to see whether the tests see them.

    python -m tests.mutation [--only TEXT] [--json FILE]

It works in a copy and runs the kernel as plain Python, since compiling it anew for every mistake would take hours.

mutant.py      what a mutant is, and how it is planted in a text
things.py …    the mutants, by the sections of docs/rules.md
catalogue.py   all of them
sandbox.py     the copy of the project in which they are planted
checks.py      what is asked of the copy: toy worlds, copied states, random worlds, the golden schedule
report.py      what was found, as a table and as JSON
__main__.py    the command
"""
