"""Section 4 of the rules: who is offered, what is legal, and where the job waits then."""

from .contracts import is_spent
from .dispatch import planned_length
from .log import OFFER
from .state import Choose, State


def offers(state: State, choose: Choose) -> None:
    """The fresh jobs and those of the pass, in job order."""
    fresh = [job for job, waiting in state.waiting.items() if waiting.fresh]
    for job in sorted(fresh + jobs_of_the_pass(state), key=state.job_order):
        offer(state, job, choose)


def jobs_of_the_pass(state: State) -> list[int]:
    """Those that are offered again."""
    if not state.is_wake_up:
        return []
    old = sorted((job for job, waiting in state.waiting.items() if not waiting.fresh), key=state.job_order)
    gap = state.world.reoffer_gap
    looked_at = old[: state.world.pass_size]
    return [job for job in looked_at if state.has_loss or state.clock - state.life[job].last_offer >= gap]


def offer(state: State, job: int, choose: Choose) -> None:
    """Ask, replace what is illegal, and carry it out."""
    legal, life = legal_actions(state, job), state.life[job]
    asked = choose(job, life.offered, list(legal))
    action = asked
    if not (0 <= asked < len(legal) and legal[asked]):
        state.illegal += 1
        action = len(legal) - 1 if legal[-1] else legal.index(True)
    life.offered += 1
    life.last_offer = state.clock
    state.record(OFFER, job, action, asked)
    place(state, job, action if action < len(state.world.sites) else None)


def place(state: State, job: int, site: int | None) -> None:
    """Queue the job at the site, or hold it (None)."""
    waiting = state.waiting[job]
    if waiting.site != site:
        state.touched.update(queue for queue in (waiting.site, site) if queue is not None)
        waiting.site = site
        waiting.planned_length = 0 if site is None else planned_length(state, job, site)


def legal_actions(state: State, job: int) -> list[bool]:
    """For each site, and for hold, whether it is legal."""
    legal = [is_legal(state, site, job) for site in range(len(state.world.sites))]
    may_hold = state.world.pass_size > 0 and state.clock - state.waiting[job].since < state.world.max_hold
    return [*legal, may_hold or not any(legal)]


def is_legal(state: State, site: int, job: int) -> bool:
    """Whether a site is legal, by what a router may know."""
    known = [state.capacity[site], *(capacity for _, capacity in state.known_steps(site))]
    return state.suits(site, job) and state.footprint(job, site) <= max(known) and not is_spent(state, site)
