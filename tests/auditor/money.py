"""A ledger kept from the log alone (rules.md, section 7): every posting is foreseen, and no other one is made.

What must be posted stands in a list until the rows have said it: `due`. It believes that rows are in order and jobs
where they say (order.py, places.py).
"""

from typing import Any

import numpy as np

from tidegate.fastsim import log
from tidegate.fastsim.jit import entry, kernel
from tidegate.fastsim.spec import MAX_CLASSES, MAX_PROVIDERS, MAX_SITES, Jobs, Spec
from tidegate.fastsim.units import HOUR, MINUTE

BROKEN = ("", "a posting that nothing causes", "a posting that is missing", "a wrong amount")
FINE, CAUSELESS, MISSING, AMOUNT = range(len(BROKEN))
FAULTS = (
    *("overage", "carried", "shortfall", "unused", "budget spent", "rest of an increment", "egress", "penalty"),
    *("write-off", "delay posted", "contract at its end", "serving missed"),
)
OVERDRAWN, CARRIED, SHORT, IDLE, SPENT, REST, DATA, LATE, LOST, DELAYED, ENDED = range(11)
UNSERVED = 11
ACCOUNTS = 10
FEE, OVERAGE, BURST_USE, USED, UNUSED, DELAY, WRITTEN_OFF, SHORTFALL, EGRESS, PENALTY = range(ACCOUNTS)
ROOM = 64  # postings that are due at once
IDLE_JOB, STARTING, RUNNING = range(3)

BOOK = np.dtype(
    [
        *((name, "i8") for name in ("now", "period_begin", "period_end", "due", "said", "beginning", "set_up")),
        *(
            (name, "i8", (MAX_SITES,))
            for name in ("capacity", "price", "running", "use", "delivered", "busy", "supply", "price_integral")
        ),
        *((name, "i8", (MAX_PROVIDERS,)) for name in ("carried", "spend")),
        *((name, "i8", (MAX_CLASSES,)) for name in ("waiting", "waited", "delay_posted")),
        ("posted", "i8", (MAX_CLASSES, ACCOUNTS)),  # by subject
        ("list", "i8", (ROOM, 3)),  # postings that are due: subject, account, amount
        ("faults", "i8", (len(FAULTS),)),
    ],
    align=True,
)
TRACK = np.dtype(
    [
        (name, "i8")
        for name in (
            *("status", "site", "accelerators", "start", "price_integral", "since", "is_resumed"),
            *("waited", "spent", "penalty"),
        )
    ],
    align=True,
)


def new_book(spec: Spec) -> Any:
    """The book (1,) at time 0."""
    book = np.zeros(1, BOOK).view(np.recarray)
    rules = spec.rules[0]
    book.capacity[0], book.price[0] = rules.first_capacity, rules.first_price
    book.period_begin = rules.first_period
    book.period_end = rules.first_period + rules.period
    book.beginning = -1
    return book


def new_tracks(jobs: Jobs) -> Any:
    """What is known of each job (jobs,)."""
    return np.zeros(len(jobs), TRACK).view(np.recarray)


@entry()
def read(spec: Spec, jobs: Jobs, book: Any, tracks: Any, rows: np.ndarray) -> tuple[int, int]:
    """Read rows (n, 5): the number of the first bad one and what is broken, or (n, FINE)."""
    for row in range(rows.shape[0]):
        kind = rows[row, 1]
        broken = pass_time(spec, book[0], rows[row, 0])
        if broken == FINE and kind == log.POST:
            if book[0].said == book[0].due:
                foresee(spec, book[0], rows, row)
            broken = say(book[0], rows[row, 2], rows[row, 3], rows[row, 4])
        elif broken == FINE:
            # what follows a settlement comes after it, though it may have posted nothing
            if book[0].now == book[0].period_end and is_after_settlement(tracks, kind, rows[row, 2]):
                settle(spec, book[0])
            broken = follow(spec, jobs, book[0], tracks, kind, rows[row, 2], rows[row, 3], rows[row, 4])
        if broken != FINE:
            return row, broken
    return rows.shape[0], FINE


@entry()
def close(spec: Spec, book: Any, now: int) -> int:
    """The log ends here, at `now` [ms]; what is due has been posted."""
    broken = pass_time(spec, book[0], now)
    return broken if broken != FINE or book[0].said == book[0].due else MISSING


@kernel
def cost(use: int, price: int) -> int:
    """Cost [µ$] of `use` accelerator-ms at a price."""
    return use // HOUR * price + use % HOUR * price // HOUR


@kernel
def share(amount: int, permille: int) -> int:
    """So many thousandths of an amount."""
    return amount // 1000 * permille + amount % 1000 * permille // 1000


@kernel
def owe(book: Any, subject: int, account: int, amount: int) -> None:
    """A posting is due; zeros are not posted."""
    if book.said == book.due:
        book.said, book.due = 0, 0
    if amount != 0:
        book.list[book.due, 0], book.list[book.due, 1], book.list[book.due, 2] = subject, account, amount
        book.due += 1


@kernel
def say(book: Any, subject: int, account: int, amount: int) -> int:
    """A posting is made: it must be the next that is due."""
    if book.said == book.due or subject != book.list[book.said, 0] or account != book.list[book.said, 1]:
        return CAUSELESS
    if amount != book.list[book.said, 2]:
        return AMOUNT
    book.said += 1
    book.posted[subject, account] += amount
    return FINE


@kernel
def pass_time(spec: Spec, book: Any, to: int) -> int:
    """All meters run until `to`; periods that end before it are settled, and nothing that was due is left."""
    while book.period_end < to:
        run_meters(spec, book, book.period_end)
        settle(spec, book)
        if book.said != book.due:
            return MISSING
    if to > book.now and book.said != book.due:
        return MISSING
    run_meters(spec, book, to)
    return FINE


@kernel
def run_meters(spec: Spec, book: Any, to: int) -> None:
    """Every level adds its area."""
    if to > book.now:
        for site in range(spec.rules[0].sites):
            book.use[site] += book.running[site] * (to - book.now)
            book.busy[site] += book.running[site] * (to - book.now)
            book.delivered[site] += book.capacity[site] * (to - book.now)
            book.supply[site] += book.capacity[site] * (to - book.now)
            book.price_integral[site] += book.price[site] * (to - book.now)
        for cls in range(spec.rules[0].classes):
            book.waited[cls] += book.waiting[cls] * (to - book.now)
        book.now, book.beginning = to, -1


@kernel
def foresee(spec: Spec, book: Any, rows: np.ndarray, row: int) -> None:
    """A posting for which no row has prepared: before a price step the site's meter; otherwise a settlement."""
    if row + 1 < rows.shape[0] and rows[row + 1, 1] == log.PRICE and rows[row + 1, 0] == book.now:
        site = rows[row + 1, 3]
        amount = cost(book.use[site], book.price[site])
        owe(book, spec.rules[0].provider[site], BURST_USE, amount)
        book.spend[spec.rules[0].provider[site]] += amount
        book.use[site] = 0
    elif book.now == book.period_end:
        settle(spec, book)


@kernel
def is_after_settlement(tracks: Any, kind: int, job: int) -> bool:
    """Whether a row comes after the settlement of its instant."""
    return kind in (log.ARRIVE, log.OFFER, log.REQUEST, log.PREEMPT) or (
        kind == log.START and tracks[job].status != STARTING
    )


@kernel
def drawn(spec: Spec, book: Any, provider: int) -> int:
    """Value of what was used at a provider's sites since it was posted."""
    total = 0
    for site in range(spec.rules[0].sites):
        if spec.rules[0].provider[site] == provider:
            total += cost(book.use[site], book.price[site])
    return total


@kernel
def floor(spec: Spec, book: Any, provider: int) -> int:
    """The floor from the period's beginning to now."""
    rules = spec.rules[0]
    if rules.floor_money[provider] >= 0:
        minutes = (book.period_end - book.period_begin) // MINUTE
        owed = max(0, min(book.now, rules.ends[provider]) - book.period_begin) // MINUTE
        whole, rest = rules.floor_money[provider] // minutes, rules.floor_money[provider] % minutes
        return whole * owed + rest * owed // minutes
    value = 0
    for site in range(rules.sites):
        if rules.provider[site] == provider:
            value += cost(book.delivered[site], book.price[site])
    return share(value, rules.floor_share[provider])


@kernel
def settle(spec: Spec, book: Any) -> None:
    """The period ends now: what must be posted, in its order; the next one begins."""
    rules = spec.rules[0]
    for provider in range(rules.providers):
        if rules.take_or_pay[provider] == 1:
            settle_floor(spec, book, provider)
        elif (
            rules.budget[provider] >= 0 and book.spend[provider] + drawn(spec, book, provider) >= rules.budget[provider]
        ):
            book.faults[SPENT] += 1
        for site in range(rules.sites):
            if rules.provider[site] == provider:
                if rules.take_or_pay[provider] == 0:
                    owe(book, provider, BURST_USE, cost(book.use[site], book.price[site]))
                book.use[site], book.delivered[site] = 0, 0
        book.spend[provider] = 0
    for cls in range(rules.classes):
        total = cost(book.waited[cls], rules.delay_rate[cls])
        book.faults[DELAYED] += 1 if total > book.delay_posted[cls] else 0
        owe(book, cls, DELAY, total - book.delay_posted[cls])
        book.delay_posted[cls] = total
    book.period_begin = book.period_end
    book.period_end += rules.period


@kernel
def settle_floor(spec: Spec, book: Any, provider: int) -> None:
    """One take-or-pay contract."""
    rules = spec.rules[0]
    promised, use = floor(spec, book, provider), drawn(spec, book, provider)
    used = min(promised, use)
    unused = promised - used
    late = unused if rules.in_arrears[provider] == 1 else 0
    beyond = share(max(0, use - promised - book.carried[provider]), rules.overage_ratio[provider])
    book.carried[provider] = min(unused, share(promised, rules.carry[provider]))
    owe(book, provider, FEE, promised - late)
    owe(book, provider, SHORTFALL, late)
    owe(book, provider, OVERAGE, beyond)
    owe(book, provider, USED, used)
    owe(book, provider, UNUSED, unused)
    book.faults[OVERDRAWN] += 1 if beyond > 0 else 0
    book.faults[CARRIED] += 1 if book.carried[provider] > 0 else 0
    book.faults[SHORT] += 1 if late > 0 else 0
    book.faults[IDLE] += 1 if unused > 0 else 0
    book.faults[ENDED] += 1 if rules.floor_money[provider] > 0 and rules.ends[provider] < book.now else 0


@kernel
def follow(spec: Spec, jobs: Jobs, book: Any, tracks: Any, kind: int, subject: int, place: int, value: int) -> int:
    """What a row does to levels and meters, and the posting that it causes."""
    if book.said != book.due and kind != log.STAGE:
        return MISSING
    if kind == log.ARRIVE:
        tracks[subject].since = book.now
        if jobs[subject].parents == 0:
            begin_to_wait(jobs, book, tracks, subject)
    elif kind == log.READY:
        begin_to_wait(jobs, book, tracks, subject)
    elif kind == log.REQUEST:
        tracks[subject].status = STARTING
    elif kind == log.START:
        begin_to_run(spec, jobs, book, tracks, subject, place, value)
    elif kind == log.STAGE:
        stage(spec, jobs, book, tracks, subject, place, value)
    elif kind == log.FAIL:
        if jobs[subject].until > 0:
            miss_service(jobs, book, subject, spec.rules[0].restart[jobs[subject].cls], 1)
    elif kind in (log.DENY, log.EVICT, log.PREEMPT):
        lose_place(spec, jobs, book, tracks, subject)
    elif kind in (log.FINISH, log.KILL, log.CANCEL, log.EXPIRE):
        leave(spec, jobs, book, tracks, kind, subject, place)
    elif kind == log.WRITE_OFF:
        return write_off(spec, jobs, book, subject, value)
    elif kind == log.MISS:
        tracks[subject].penalty = value
        owe(book, jobs[subject].cls, PENALTY, value)
        book.faults[LATE] += 1 if value > 0 else 0
    elif kind == log.CAPACITY:
        book.capacity[place] = value
    elif kind == log.PRICE:
        return step_price(spec, book, place, value)
    return FINE


@kernel
def step_price(spec: Spec, book: Any, site: int, price: int) -> int:
    """A metered site's meter has been posted before its price steps; it begins anew even if that was nothing."""
    is_posted = True
    if spec.rules[0].take_or_pay[spec.rules[0].provider[site]] == 0:
        is_posted = cost(book.use[site], book.price[site]) == 0
        book.use[site] = 0
    book.price[site] = price
    return FINE if is_posted else MISSING


@kernel
def begin_to_wait(jobs: Jobs, book: Any, tracks: Any, job: int) -> None:
    """A job waits from now on."""
    tracks[job].since = book.now
    book.waiting[jobs[job].cls] += jobs[job].gang


@kernel
def begin_to_run(spec: Spec, jobs: Jobs, book: Any, tracks: Any, job: int, site: int, accelerators: int) -> None:
    """A job waits no longer; its accelerators are metered."""
    track, work, rules = tracks[job], jobs[job], spec.rules[0]
    book.waiting[work.cls] -= work.gang
    book.running[site] += accelerators
    track.waited += book.now - track.since
    track.status, track.site, track.accelerators, track.start = RUNNING, site, accelerators, book.now
    track.price_integral = book.price_integral[site]
    book.beginning, book.set_up = job, 0
    is_ported = work.silicon >= 0 and work.silicon != rules.silicon[site]
    set_up_longer(
        jobs, book, job, (rules.port[work.cls] if is_ported else 0) + rules.restart[work.cls] * track.is_resumed
    )


@kernel
def set_up_longer(jobs: Jobs, book: Any, job: int, time: int) -> None:
    """The run that begins is set up for some time more; a block serves nothing meanwhile."""
    if jobs[job].until > 0:
        miss_service(jobs, book, job, book.set_up + time, 1)
        miss_service(jobs, book, job, book.set_up, -1)
    book.set_up += time


@kernel
def miss_service(jobs: Jobs, book: Any, job: int, time: int, sign: int) -> None:
    """A block serves nothing for some time from now on, or until its end: its class waits."""
    missing = jobs[job].gang * min(time, jobs[job].until - book.now)
    book.waited[jobs[job].cls] += sign * missing
    book.faults[UNSERVED] += 1 if sign * missing > 0 else 0


@kernel
def stage(spec: Spec, jobs: Jobs, book: Any, tracks: Any, job: int, source: int, size: int) -> None:
    """Data come from a provider: it is paid, and takes time."""
    rules = spec.rules[0]
    link = rules.link[source, rules.provider[tracks[job].site]]
    amount = size * rules.egress_rate[source] // 1000
    tracks[job].spent += amount
    owe(book, source, EGRESS, amount)
    book.faults[DATA] += 1 if amount > 0 else 0
    set_up_longer(jobs, book, job, (size * 8000 + link - 1) // link)


@kernel
def lose_place(spec: Spec, jobs: Jobs, book: Any, tracks: Any, job: int) -> None:
    """A job that runs or starts waits again; one that starts has waited all the time."""
    track = tracks[job]
    if track.status == RUNNING:
        end_run(spec, book, tracks, job)
        begin_to_wait(jobs, book, tracks, job)
        track.is_resumed = 1
    else:
        track.waited += book.now - track.since
        track.since = book.now
    track.status = IDLE_JOB


@kernel
def end_run(spec: Spec, book: Any, tracks: Any, job: int) -> None:
    """Its accelerators are metered no longer; a metered one is billed to the end of its increment."""
    track, rules = tracks[job], spec.rules[0]
    site = track.site
    book.running[site] -= track.accelerators
    if rules.take_or_pay[rules.provider[site]] == 0:
        paid = book.price_integral[site] - track.price_integral
        track.spent += paid // HOUR * track.accelerators + paid % HOUR * track.accelerators // HOUR
        if rules.increment[site] > 0:
            rest = (track.start - book.now) % rules.increment[site] * track.accelerators
            book.use[site] += rest
            track.spent += cost(rest, book.price[site])
            book.faults[REST] += 1 if rest > 0 else 0


@kernel
def leave(spec: Spec, jobs: Jobs, book: Any, tracks: Any, kind: int, job: int, place: int) -> None:
    """A job leaves the world: from its run, from a queue, or before it was ready."""
    track = tracks[job]
    if kind == log.EXPIRE:
        book.waiting[jobs[job].cls] -= jobs[job].gang
        track.waited += book.now - track.since
    elif place >= 0:
        end_run(spec, book, tracks, job)
    track.status = IDLE_JOB


@kernel
def write_off(spec: Spec, jobs: Jobs, book: Any, job: int, amount: int) -> int:
    """A job that no site suits costs what it would have at the highest price, and the longest wait."""
    work, rules = jobs[job], spec.rules[0]
    if work.parents == 0:
        book.waiting[work.cls] -= work.gang
    highest = 0
    for site in range(rules.sites):
        highest = max(highest, book.price[site])
    due = cost(work.gang * work.requested, highest) + cost(work.gang * rules.max_hold, rules.delay_rate[work.cls])
    owe(book, work.cls, WRITTEN_OFF, amount)
    book.faults[LOST] += 1 if amount > 0 else 0
    return FINE if amount == due else AMOUNT


@entry()
def totals(spec: Spec, book: Any) -> tuple[int, int, int, int, int, int, int]:
    """Floors, overage, burst, egress, delay, penalties and write-offs, posted and accrued to now, µ$."""
    floors, overage, burst, egress, delay, penalty, lost = 0, 0, 0, 0, 0, 0, 0
    rules, posted = spec.rules[0], book[0].posted
    for provider in range(rules.providers):
        use = drawn(spec, book[0], provider)
        burst += posted[provider, BURST_USE]
        floors += posted[provider, FEE] + posted[provider, SHORTFALL]
        overage += posted[provider, OVERAGE]
        egress += posted[provider, EGRESS]
        if rules.take_or_pay[provider] == 1:
            promised = floor(spec, book[0], provider)
            floors += promised
            overage += share(max(0, use - promised - book[0].carried[provider]), rules.overage_ratio[provider])
        else:
            burst += use
    for cls in range(rules.classes):
        accrued = cost(book[0].waited[cls], rules.delay_rate[cls]) - book[0].delay_posted[cls]
        delay += posted[cls, DELAY] + accrued
        penalty += posted[cls, PENALTY]
        lost += posted[cls, WRITTEN_OFF]
    return floors, overage, burst, egress, delay, penalty, lost
