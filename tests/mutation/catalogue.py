"""All mutants, in the order of the rules."""

from . import arrivals, beginnings, contracts, dispatching, failures, instants, lines, offers, requests, runs, things
from .mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *things.MUTANTS,
    *instants.MUTANTS,
    *offers.MUTANTS,
    *dispatching.MUTANTS,
    *requests.MUTANTS,
    *runs.MUTANTS,
    *failures.MUTANTS,
    *contracts.MUTANTS,
    *arrivals.MUTANTS,
    *beginnings.MUTANTS,
    *lines.MUTANTS,
)
