"""An action as a router sees it: what it would cost and when the job would start, in dollars and hours."""

from typing import Any, NamedTuple

from ...fastsim.units import DOLLAR, HOUR
from ...fastsim.weighing import COMMITTED, EVICTING, METERED, STARTING, WAITING
from .known import Known, announced, obstacle
from .offer import Found


class Option(NamedTuple):
    """One action; parts are what it would cost [$], by the names that policies weigh them by."""

    name: str
    is_legal: bool
    parts: dict[str, float]  # of a site: metered, committed, waiting, starting, evicting; of holding: waiting
    start_hours: float  # until it is expected to start; of holding: until it is offered again
    facts: dict[str, Any]  # all that is told of it

    @property
    def cost(self) -> float:
        """What it would cost [$], without list price, which nobody saves by going elsewhere.

        Where runs would make way, it costs the wait or what they lose, whichever is less.
        """
        waiting = self.parts.get("waiting", 0.0)
        if self.facts.get("makes_way"):
            waiting = min(waiting, self.parts["evicting"])
        return self.parts.get("metered", 0.0) + waiting + self.parts.get("starting", 0.0)


def options(found: Found, known: Known) -> list[Option]:
    """All actions: the sites, then hold."""
    return [*(_of_site(found, known, site) for site in range(len(found.scenario.sites))), _hold(found)]


def _of_site(found: Found, known: Known, site: int) -> Option:
    """A site."""
    row, parts = known.sites[site], known.parts[site] / DOLLAR
    name, is_legal = found.scenario.sites[site].name, bool(found.mask[site])
    facts: dict[str, Any] = {"capacity": int(row.capacity), "occupied": int(row.occupied)}
    facts |= {"price": int(row.price) / DOLLAR, "marginal_price": int(row.marginal) / DOLLAR}
    facts |= {"commitment": _commitment(found, known, site), "budget": _budget(found, known, site)}
    facts["announced"] = [
        {"in_hours": (at - found.now) / HOUR, "capacity": capacity} for at, capacity in announced(found, site)
    ]
    if not is_legal:
        return Option(name, False, {}, 0.0, {"why_not": obstacle(found, site), **facts})
    named = {
        "metered": float(parts[METERED]),
        "committed": float(parts[COMMITTED]),
        "waiting": float(parts[WAITING]),
        "starting": float(parts[STARTING]),
        "evicting": float(parts[EVICTING]),
    }
    facts |= {
        "accelerators": int(row.accelerators),
        "queued_before_it": int(row.queued),
        "wait_hours": int(row.wait) / HOUR,
        "start_up_hours": int(row.start_up) / HOUR,
        "grant_chance": int(row.chance) / 1000,
        "egress": int(row.egress) / DOLLAR,
        "staging_hours": int(row.staging) / HOUR,
        "set_up_hours": int(row.set_up) / HOUR,
        "planned_hours": int(row.length) / HOUR,
        "lowest_capacity": int(row.lowest),
        "makes_way": None if row.lost < 0 else _victims(known, site),
    }
    return Option(name, True, named, (int(row.wait) + int(row.start_up)) / HOUR, facts)


def _victims(known: Known, site: int) -> dict[str, Any]:
    """Who would make way, and what these runs would lose."""
    return {"jobs": known.victims[site], "lost_accelerator_hours": int(known.sites[site].lost) / HOUR}


def _commitment(found: Found, known: Known, site: int) -> dict[str, float] | None:
    """What the provider's contract has drawn in this period against its floor so far; None where it is metered."""
    rules, row = found.worlds.spec.rules[0], known.sites[site]
    if not rules.take_or_pay[rules.provider[site]]:
        return None
    drawn, floor, carried = (int(value) / DOLLAR for value in (row.drawn, row.floor, row.carried))
    return {"drawn": drawn, "floor_so_far": floor, "carried": carried, "left": floor + carried - drawn}


def _budget(found: Found, known: Known, site: int) -> dict[str, float] | None:
    """What is spent of the provider's budget in this period; None where it has none."""
    rules = found.worlds.spec.rules[0]
    budget = int(rules.budget[rules.provider[site]])
    if budget < 0:
        return None
    spent = int(known.sites[site].spend) / DOLLAR
    return {"spent": spent, "budget": budget / DOLLAR, "left": budget / DOLLAR - spent}


def _hold(found: Found) -> Option:
    """To be offered again at the next wake-up."""
    rules, state, item = found.worlds.spec.rules[0], found.worlds.state(), found.item
    hours = (int(state.next_wake) - found.now) / HOUR
    delay = int(rules.delay_rate[found.work.cls]) * int(found.work.gang) / DOLLAR * hours
    held = (found.now - int(item.ready)) / HOUR
    facts: dict[str, Any] = {"offered_again_in_hours": hours, "may_hold_for_hours": int(rules.max_hold) / HOUR - held}
    is_legal = bool(found.mask[-1])
    if not is_legal:
        facts = {"why_not": "it has waited as long as a job may be held", **facts}
    return Option("hold", is_legal, {"waiting": delay} if is_legal else {}, hours, facts)
