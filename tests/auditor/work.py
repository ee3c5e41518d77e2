"""Work and data (rules.md, section 6): a run ends exactly when its work is done, and all data come to where it runs.

It believes that rows are in order and jobs where they say (order.py, places.py).
"""

from typing import Any

import numpy as np

from tidegate.fastsim import log
from tidegate.fastsim.jit import entry, kernel
from tidegate.fastsim.spec import MAX_PROVIDERS, Jobs, Spec

BROKEN = (
    *("", "a run that does not end when its work is done", "not the loss since the last checkpoint"),
    *("not the data that lie there", "data that did not come", "no way for this run to end", "a run without an end"),
)
FINE, END, LOSS, DATA, DATA_MISSING, KIND, ENDLESS = range(len(BROKEN))
FAULTS = (
    *("work lost", "work saved", "failed before it worked", "ported", "restarted", "data moved", "state moved"),
    *("partner's data", "data of several providers"),
)
LOST, SAVED, FAILED_EARLY, PORTED, RESTARTED, MOVED, STATE_MOVED, EXCHANGED, SEVERAL = range(len(FAULTS))
NONE, PARTNER = -1, MAX_PROVIDERS  # sources of data
EGRESS = 8  # account

BOOK = np.dtype([("beginning", "i8"), ("last_source", "i8"), ("faults", "i8", (len(FAULTS),))], align=True)
TRACK = np.dtype(
    [
        *(
            (name, "i8")
            for name in ("site", "is_running", "begin", "remaining", "claim", "is_resumed", "has_state", "has_data")
        ),
        ("stored", "i8", (MAX_PROVIDERS,)),  # MB
    ],
    align=True,
)


def new_book() -> Any:
    """The book (1,): no run is beginning."""
    book = np.zeros(1, BOOK).view(np.recarray)
    book.beginning = NONE
    return book


def new_tracks(jobs: Jobs) -> Any:
    """What is known of each job (jobs,)."""
    return np.zeros(len(jobs), TRACK).view(np.recarray)


@entry()
def read(spec: Spec, jobs: Jobs, book: Any, tracks: Any, rows: np.ndarray) -> tuple[int, int]:
    """Read rows (n, 5): the number of the first bad one and what is broken, or (n, FINE)."""
    for row in range(rows.shape[0]):
        time, kind, subject, place, value = rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3], rows[row, 4]
        broken = FINE
        if book[0].beginning >= 0 and kind != log.STAGE and not (kind == log.POST and place == EGRESS):
            broken = has_its_data(spec, jobs, book[0], tracks)
            book[0].beginning = NONE
        if broken == FINE:
            if kind == log.ARRIVE:
                arrives(jobs, tracks, subject)
            elif kind == log.START:
                begins(spec, jobs, book[0], tracks, time, subject, place)
            elif kind == log.STAGE:
                broken = comes(spec, jobs, book[0], tracks, subject, place, value)
            elif kind in (log.FAIL, log.EVICT, log.PREEMPT):
                broken = is_struck(spec, jobs, book[0], tracks, time, kind, subject, value)
            elif kind in (log.FINISH, log.KILL) or (kind == log.CANCEL and place >= 0):
                broken = ends(spec, jobs, tracks, time, kind, subject)
        if broken != FINE:
            return row, broken
    return rows.shape[0], FINE


@entry()
def close(spec: Spec, jobs: Jobs, book: Any, tracks: Any, now: int) -> int:
    """The log ends here, at `now` [ms]: no run that should have ended before it is still there."""
    for job in range(jobs.shape[0]):
        if tracks[job].is_running == 1 and end_of(spec, jobs, tracks, job) < now:
            return ENDLESS
    return has_its_data(spec, jobs, book[0], tracks) if book[0].beginning >= 0 else FINE


@kernel
def arrives(jobs: Jobs, tracks: Any, job: int) -> None:
    """All its work is to be done, and its own data lie at home."""
    track, work = tracks[job], jobs[job]
    track.remaining, track.claim = work.walltime, work.requested
    track.stored[work.home] += work.input


@kernel
def begins(spec: Spec, jobs: Jobs, book: Any, tracks: Any, time: int, job: int, site: int) -> None:
    """A run begins; what it stages is in the rows that follow."""
    track, work, rules = tracks[job], jobs[job], spec.rules[0]
    book.beginning, book.last_source = job, NONE
    track.site, track.is_running, track.begin = site, 1, time
    if work.silicon >= 0 and work.silicon != rules.silicon[site]:
        track.begin += rules.port[work.cls]
        book.faults[PORTED] += 1 if rules.port[work.cls] > 0 else 0
    if track.is_resumed == 1:
        track.begin += rules.restart[work.cls]
        book.faults[RESTARTED] += 1 if rules.restart[work.cls] > 0 else 0


@kernel
def comes(spec: Spec, jobs: Jobs, book: Any, tracks: Any, job: int, source: int, size: int) -> int:
    """All of its data that lie at a provider come, by provider; and after them what a partner that runs there sends."""
    track, work, rules = tracks[job], jobs[job], spec.rules[0]
    here = rules.provider[track.site]
    if job != book.beginning or source == here or size <= 0 or book.last_source == PARTNER:
        return DATA
    if track.stored[source] > 0 and source > book.last_source:
        if size != track.stored[source]:
            return DATA
        book.faults[SEVERAL] += 1 if book.last_source >= 0 else 0
        book.faults[MOVED] += 1
        book.faults[STATE_MOVED] += 1 if track.has_state == 1 and work.snapshot > 0 else 0
        track.stored[here] += size
        track.stored[source] = 0
        book.last_source = source
    else:
        if size != work.sync or source != partners_provider(spec, jobs, tracks, job):
            return DATA
        book.faults[EXCHANGED] += 1
        book.last_source = PARTNER
    track.begin += (size * 8000 + rules.link[source, here] - 1) // rules.link[source, here]
    return FINE


@kernel
def partners_provider(spec: Spec, jobs: Jobs, tracks: Any, job: int) -> int:
    """Another provider, at which its partner runs and has something to send, or NONE."""
    work, provider = jobs[job], spec.rules[0].provider
    if work.partner < 0 or work.sync == 0:
        return NONE
    partner = tracks[job - work.member + work.partner]
    is_elsewhere = partner.is_running == 1 and provider[partner.site] != provider[tracks[job].site]
    return provider[partner.site] if is_elsewhere else NONE


@kernel
def has_its_data(spec: Spec, jobs: Jobs, book: Any, tracks: Any) -> int:
    """Nothing of the run that began last lies elsewhere."""
    job = book.beginning
    for provider in range(spec.rules[0].providers):
        if provider != spec.rules[0].provider[tracks[job].site] and tracks[job].stored[provider] != 0:
            return DATA_MISSING
    if book.last_source != PARTNER and partners_provider(spec, jobs, tracks, job) != NONE:
        return DATA_MISSING
    return FINE


@kernel
def is_struck(spec: Spec, jobs: Jobs, book: Any, tracks: Any, time: int, kind: int, job: int, loss: int) -> int:
    """A failure, an eviction or a preemption: all is lost but what the last checkpoint holds."""
    track, work, rules = tracks[job], jobs[job], spec.rules[0]
    if track.is_running == 0 or work.until > 0:
        track.is_resumed |= 1 if track.is_running == 1 and kind != log.FAIL else 0
        track.is_running = 0 if kind != log.FAIL else track.is_running
        return FINE if loss == 0 else LOSS
    done = max(0, time - track.begin)
    interval = rules.checkpoint[work.cls]
    if loss != (done % interval if interval > 0 else done):
        return LOSS
    credit = (done - loss) * rules.speed[track.site, work.cls] // 1000
    track.remaining -= credit
    track.claim = max(1, track.claim - credit)
    book.faults[SAVED] += 1 if credit > 0 else 0
    book.faults[LOST] += 1 if loss > 0 else 0
    if kind == log.FAIL:
        book.faults[FAILED_EARLY] += 1 if time < track.begin else 0
        track.begin = time + rules.restart[work.cls] + max(0, track.begin - time)
        return FINE
    track.is_running, track.is_resumed = 0, 1
    if track.remaining < work.walltime and track.has_state == 0:
        track.has_state = 1
        track.stored[rules.provider[track.site]] += work.snapshot
    return FINE


@kernel
def work_ends(spec: Spec, jobs: Jobs, tracks: Any, job: int, work: int) -> int:
    """When so much work [ms at speed 1000] of a running job is done."""
    speed = spec.rules[0].speed[tracks[job].site, jobs[job].cls]
    return tracks[job].begin + (work * 1000 + speed - 1) // speed


@kernel
def end_of(spec: Spec, jobs: Jobs, tracks: Any, job: int) -> int:
    """When a run ends if nothing happens to it."""
    if jobs[job].until > 0:
        return jobs[job].until
    end = work_ends(spec, jobs, tracks, job, tracks[job].remaining)
    is_bounded = spec.rules[0].kill_overruns == 1
    return min(end, work_ends(spec, jobs, tracks, job, tracks[job].claim)) if is_bounded else end


@kernel
def ends(spec: Spec, jobs: Jobs, tracks: Any, time: int, kind: int, job: int) -> int:
    """A run is over, at its time and for its reason; the children of one that has finished have its output here."""
    track, work = tracks[job], jobs[job]
    if time != end_of(spec, jobs, tracks, job):
        return END
    is_whole = work.until > 0 or time == work_ends(spec, jobs, tracks, job, track.remaining)
    if kind != (log.KILL if not is_whole else log.CANCEL if work.is_cancelled == 1 else log.FINISH):
        return KIND
    track.is_running = 0
    child = job + 1
    while kind == log.FINISH and child < jobs.shape[0] and jobs[child].member == work.member + child - job:
        if (jobs[child].parents >> work.member) & 1 == 1:
            tracks[child].stored[spec.rules[0].provider[track.site]] += work.output
        child += 1
    return FINE
