"""Section 6 of the rules: set-up, runs that begin, end, fail and are ended early."""

from .contracts import meter_end_of_run
from .log import CANCEL, EGRESS, EVICT, FAIL, FINISH, KILL, PREEMPT, STAGE, START
from .pipelines import add_data, bring_output_to_children, cancel_descendants, partner
from .quantities import FAILURES, draw, quantile, uniform, up
from .state import Running, State


def duration(work: int, speed: int) -> int:
    """ms that work takes which takes `work` ms at speed 1000."""
    return up(work * 1000, speed)


def speed(state: State, job: int, site: int) -> int:
    """Permille, of the job's class at the site."""
    return state.site(site).speed[state.job(job).cls]


# Set-up


def set_up(state: State, job: int, site: int) -> int:
    """ms of set-up, without a partner's data."""
    job_class, silicon = state.job_class(job), state.job(job).silicon
    staging = sum(staging_from(state, source, site, size) for source, size in data_elsewhere(state, job, site))
    port = job_class.port if silicon >= 0 and silicon != state.site(site).silicon else 0
    restart = job_class.restart if state.life[job].has_ended_early else 0
    return staging + port + restart


def data_elsewhere(state: State, job: int, site: int) -> list[tuple[int, int]]:
    """(provider, MB) of its data at other providers than the site's, by provider."""
    data = state.life[job].data
    return [(source, data[source]) for source in sorted(data) if source != state.site(site).provider]


def staging_from(state: State, source: int, site: int, size: int) -> int:
    """ms in which `size` MB come from a provider to a site of another."""
    return up(size * 8000, state.world.providers[source].links[state.site(site).provider])


def data_of_partner(state: State, job: int, site: int) -> list[tuple[int, int]]:
    """(provider, MB) of what comes from its partner, if that runs now at another provider."""
    other, size = partner(state, job), state.job(job).sync
    if other is None or other not in state.running or size == 0:
        return []
    source = state.site(state.running[other].site).provider
    return [] if source == state.site(site).provider else [(source, size)]


def pay_for_data(state: State, job: int, source: int, size: int) -> None:
    """Data come from another provider and are paid."""
    amount = size * state.world.providers[source].egress_rate // 1000
    state.record(STAGE, job, source, size)
    state.post(source, EGRESS, amount)
    state.life[job].spent += amount


# Beginning


def begin_run(state: State, job: int, site: int) -> None:
    """The run begins now; the job has left those that wait or start."""
    life, length = state.life[job], set_up(state, job, site)
    life.started = state.clock
    state.record(START, job, site, state.footprint(job, site))
    for source, size in data_elsewhere(state, job, site):
        pay_for_data(state, job, source, size)
    for source, size in data_of_partner(state, job, site):
        pay_for_data(state, job, source, size)
        length += staging_from(state, source, site, size)
    if life.data:
        life.data = {state.site(site).provider: sum(life.data.values())}
    run = Running(site, state.clock, state.clock + length)
    state.running[job] = run
    set_ends(state, job, run)
    serve_nothing_for(state, job, length)


def set_ends(state: State, job: int, run: Running) -> None:
    """End and requested end, from when its work begins."""
    spec, life, pace = state.job(job), state.life[job], speed(state, job, run.site)
    if spec.until > 0:
        run.end = run.requested_end = spec.until
        return
    run.end = run.begin + duration(life.remaining, pace)
    run.requested_end = run.begin + duration(life.claim, pace)
    run.is_cut_short = state.world.kill_overruns and run.requested_end < run.end
    if run.is_cut_short:
        run.end = run.requested_end


def serve_nothing_for(state: State, job: int, time: int) -> None:
    """A block serves nothing for so many ms, or until its end: its class waits as long."""
    spec = state.job(job)
    if spec.until > 0:
        state.waited[spec.cls] += spec.gang * min(time, spec.until - state.clock)


# Ending


def end_run(state: State, job: int) -> None:
    """A run that has come to its end."""
    run = state.running.pop(job)
    meter_end_of_run(state, job, run)
    how = "KILL" if run.is_cut_short else "CANCEL" if state.job(job).is_cancelled else "FINISH"
    kind = {"KILL": KILL, "CANCEL": CANCEL, "FINISH": FINISH}[how]
    state.record(kind, job, run.site, state.footprint(job, run.site))
    state.leave_the_world(job, how)
    state.touched.add(run.site)
    state.is_wake_up = True
    if how == "FINISH":
        bring_output_to_children(state, job, state.site(run.site).provider)
    else:
        cancel_descendants(state, job)


def back_to_checkpoint(state: State, job: int, run: Running) -> int:
    """The job is now where its last checkpoint was; the loss [ms]. A block loses nothing."""
    if state.job(job).until > 0:
        return 0
    life, interval = state.life[job], state.job_class(job).checkpoint
    elapsed = max(0, state.clock - run.begin)
    saved = elapsed - elapsed % interval if interval > 0 else 0
    credit = saved * speed(state, job, run.site) // 1000
    life.remaining -= credit
    life.claim = max(1, life.claim - credit)
    return elapsed - saved


def end_early(state: State, job: int, kind: int) -> None:
    """A running job is evicted or preempted; where it waits then is for the caller to say."""
    run, life, spec = state.running.pop(job), state.life[job], state.job(job)
    meter_end_of_run(state, job, run)
    state.record(kind, job, run.site, back_to_checkpoint(state, job, run))
    life.has_ended_early = True
    if life.remaining < spec.walltime and not life.has_state:
        life.has_state = True
        add_data(state, job, state.site(run.site).provider, spec.snapshot)


def evict(state: State, job: int) -> None:
    """Section 3, 4: a job that runs or starts loses its place."""
    if job in state.starting:
        state.record(EVICT, job, state.starting.pop(job).site, 0)
    else:
        end_early(state, job, EVICT)
    state.begin_to_wait(job)


def preempt(state: State, job: int) -> None:
    """Section 5: a running job makes room; where it waits is for the caller to say."""
    end_early(state, job, PREEMPT)


# Failures


def next_failure(state: State, site: int) -> tuple[int, int]:
    """When the site's next failure comes [ms], and its position."""
    seed, place = state.world.seed, state.site(site)
    drawn, last = state.failure[site]
    gap = max(1, quantile(place.failure or [], draw(seed, FAILURES, site, 2 * drawn)))
    nominal = max([place.capacity, *(capacity for _, capacity, _, withdrawn in place.steps if withdrawn is None)])
    return last + gap, uniform(draw(seed, FAILURES, site, 2 * drawn + 1), nominal)


def fail(state: State, site: int) -> None:
    """The failure that comes to the site now hits a job, or nothing."""
    time, position = next_failure(state, site)
    state.failure[site] = state.failure[site][0] + 1, time
    if position >= state.capacity[site]:
        return
    first = 0
    for job in sorted(state.running_at(site), key=lambda job: (state.running[job].start, job)):
        if first <= position < first + state.footprint(job, site):
            hit(state, job)
            return
        first += state.footprint(job, site)


def hit(state: State, job: int) -> None:
    """A running job keeps its accelerators and goes on from its last checkpoint."""
    run, restart = state.running[job], state.job_class(job).restart
    state.record(FAIL, job, run.site, back_to_checkpoint(state, job, run))
    run.begin = state.clock + restart + max(0, run.begin - state.clock)
    set_ends(state, job, run)
    serve_nothing_for(state, job, restart)
