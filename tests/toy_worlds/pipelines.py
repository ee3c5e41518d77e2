"""Parents and children, partners, and members that fall out (rules, sections 6 and 8)."""

from ..reference.world import Job
from .notation import DOLLAR, HOUR, LINK, MINUTE, Toy, dollars, job, metered, rows, site, world


def member(place: int, gang: int, walltime: int, parents: tuple[int, ...] = (), arrival: int = 0, **others: int) -> Job:
    """A member of a pipeline, with the members that are its parents."""
    return job(arrival, gang, walltime, member=place, parents=sum(1 << parent for parent in parents), **others)


def from_pretraining_to_evaluation() -> Toy:
    """Section 6: "its children … become ready (READY) and wait from this instant"; "the output of each parent where
    that parent finished".

    0 → 1: 400 Mb/s at $0.10 a GB; 1 → 0: 100 Mb/s, free. Pretraining takes 10 h at site 0, SFT 2 h there, without
    staging. Of the RLHF pair, the learner (3) starts first, by site, at site 0, where its data are. The generator (2)
    starts at site 1: 6000 MB of SFT take 2 min, 3000 MB of its partner 1 min: $0.60 and $0.30. It works from 12:03 and
    is done at 15:03, the learner at 15:00. All three evaluations wait for both. Two are at site 0: 600 MB of the
    generator come in 48 s; the third is at site 1: 6000 MB of the learner come in 2 min, $0.60. The last evaluation
    ends at 15:35: the response of the pipeline is 15 h 35 min, its egress $1.50.
    """
    providers = [metered(links=[LINK, 400], egress_rate=dollars(0.10)), metered(links=[100, LINK])]
    jobs = [
        member(0, 8, 10 * HOUR, output=6000),
        member(1, 4, 2 * HOUR, (0,), output=6000),
        member(2, 4, 3 * HOUR, (1,), output=600, partner=3, sync=3000),
        member(3, 4, 3 * HOUR, (1,), output=6000, partner=2, sync=3000),
        *(member(place, 2, 30 * MINUTE, (2, 3)) for place in (4, 5, 6)),
    ]
    return Toy(
        world(jobs, [site(8), site(8, provider=1)], providers=providers),
        until=16 * HOUR,
        actions={2: [1], 6: [1]},
        expected=rows("""
            0          ARRIVE  0  -       8
            0          ARRIVE  1  -       4
            0          ARRIVE  2  -       4
            0          ARRIVE  3  -       4
            0          ARRIVE  4  -       2
            0          ARRIVE  5  -       2
            0          ARRIVE  6  -       2
            0          OFFER   0  0       0
            0          START   0  0       8
            10h        FINISH  0  0       8
            10h        READY   1  -       4
            10h        OFFER   1  0       0
            10h        START   1  0       4
            12h        FINISH  1  0       4
            12h        READY   2  -       4
            12h        READY   3  -       4
            12h        OFFER   2  1       1
            12h        OFFER   3  0       0
            12h        START   3  0       4
            12h        START   2  1       4
            12h        STAGE   2  0       6000
            12h        POST    0  EGRESS  $0.60
            12h        STAGE   2  0       3000
            12h        POST    0  EGRESS  $0.30
            15h        FINISH  3  0       4
            15h3m      FINISH  2  1       4
            15h3m      READY   4  -       2
            15h3m      READY   5  -       2
            15h3m      READY   6  -       2
            15h3m      OFFER   4  0       0
            15h3m      OFFER   5  0       0
            15h3m      OFFER   6  1       1
            15h3m      START   4  0       2
            15h3m      STAGE   4  1       600
            15h3m      START   5  0       2
            15h3m      STAGE   5  1       600
            15h3m      START   6  1       2
            15h3m      STAGE   6  0       6000
            15h3m      POST    0  EGRESS  $0.60
            15h33m48s  FINISH  4  0       2
            15h33m48s  FINISH  5  0       2
            15h35m     FINISH  6  1       2
        """),
    )


def a_diamond_closes_when_its_last_side_has_finished() -> Toy:
    """Section 6: "x > 0 MB of its data lie" there, its own input and its parents' outputs together.

    A pipeline whose member 0 is job 1. It ends at 1:10; job 2 stays at site 0 until 1:40, job 3 stages 1000 MB (20 s,
    $0.10) to site 1 and ends 20 s later. Job 4 then finds 2500 MB of job 3 and 500 of its own at provider 1: 3000 MB
    take 4 min, and its 10 min end at 1:54:20.
    """
    providers = [metered(links=[LINK, 400], egress_rate=dollars(0.10)), metered(links=[100, LINK])]
    ten = 10 * MINUTE
    jobs = [
        job(0, 1, HOUR),
        member(0, 2, HOUR, arrival=ten, output=1000),
        member(1, 2, 30 * MINUTE, (0,), arrival=ten, output=1500),
        member(2, 2, 30 * MINUTE, (0,), arrival=ten, output=2500),
        member(3, 2, ten, (1, 2), arrival=ten, input=500, home=1),
    ]
    return Toy(
        world(jobs, [site(8), site(8, provider=1)], providers=providers),
        until=2 * HOUR,
        actions={3: [1]},
        expected=rows("""
            0          ARRIVE  0  -       1
            0          OFFER   0  0       0
            0          START   0  0       1
            10m        ARRIVE  1  -       2
            10m        ARRIVE  2  -       2
            10m        ARRIVE  3  -       2
            10m        ARRIVE  4  -       2
            10m        OFFER   1  0       0
            10m        START   1  0       2
            1h         FINISH  0  0       1
            1h10m      FINISH  1  0       2
            1h10m      READY   2  -       2
            1h10m      READY   3  -       2
            1h10m      OFFER   2  0       0
            1h10m      OFFER   3  1       1
            1h10m      START   2  0       2
            1h10m      START   3  1       2
            1h10m      STAGE   3  0       1000
            1h10m      POST    0  EGRESS  $0.10
            1h40m      FINISH  2  0       2
            1h40m20s   FINISH  3  1       2
            1h40m20s   READY   4  -       2
            1h40m20s   OFFER   4  0       0
            1h40m20s   START   4  0       2
            1h40m20s   STAGE   4  1       3000
            1h54m20s   FINISH  4  0       2
        """),
    )


def ends_of_one_instant_are_worked_off_job_by_job() -> Toy:
    """Section 3: "**Ends** of runs, by job id"; section 9: READY stands "after its parent's FINISH row".

    Jobs 1 and 2 end together at 2 h. Job 4 waits for job 1 only, job 3 for both: 4 is ready before 2 has finished. They
    are offered in job order.
    """
    jobs = [
        member(0, 1, HOUR),
        member(1, 1, HOUR, (0,)),
        member(2, 1, HOUR, (0,)),
        member(3, 1, HOUR, (1, 2)),
        member(4, 1, HOUR, (1,)),
    ]
    return Toy(
        world(jobs, [site(4)]),
        until=2 * HOUR + 1,
        expected=rows("""
            0   ARRIVE  0  -  1
            0   ARRIVE  1  -  1
            0   ARRIVE  2  -  1
            0   ARRIVE  3  -  1
            0   ARRIVE  4  -  1
            0   OFFER   0  0  0
            0   START   0  0  1
            1h  FINISH  0  0  1
            1h  READY   1  -  1
            1h  READY   2  -  1
            1h  OFFER   1  0  0
            1h  OFFER   2  0  0
            1h  START   1  0  1
            1h  START   2  0  1
            2h  FINISH  1  0  1
            2h  READY   4  -  1
            2h  FINISH  2  0  1
            2h  READY   3  -  1
            2h  OFFER   3  0  0
            2h  OFFER   4  0  0
            2h  START   3  0  1
            2h  START   4  0  1
        """),
    )


def the_descendants_of_a_written_off_member_are_cancelled_as_they_arrive() -> Toy:
    """Section 8: "cancelled, if a parent of it has been written off or cancelled; else written off …; else …
    *pending*".

    16 accelerators fit nowhere. Job 1 is written off, although it would have been pending: 16 h at $2. Job 2 (16 too)
    is its child: cancelled, not written off; its deadline never falls. Job 3 has a healthy parent. Job 4 has a
    cancelled one.
    """
    jobs = [
        member(0, 2, HOUR),
        member(1, 16, HOUR, (0,)),
        member(2, 16, HOUR, (1,), deadline=90 * MINUTE, penalty=dollars(7)),
        member(3, 2, HOUR, (0,)),
        member(4, 2, HOUR, (2, 3)),
    ]
    return Toy(
        world(jobs, [site(8, price=2 * DOLLAR)]),
        until=3 * HOUR,
        expected=rows("""
            0   ARRIVE     0  -          2
            0   ARRIVE     1  -          16
            0   WRITE_OFF  1  -          $32
            0   POST       0  WRITE_OFF  $32
            0   ARRIVE     2  -          16
            0   CANCEL     2  -          0
            0   ARRIVE     3  -          2
            0   ARRIVE     4  -          2
            0   CANCEL     4  -          0
            0   OFFER      0  0          0
            0   START      0  0          2
            1h  FINISH     0  0          2
            1h  READY      3  -          2
            1h  OFFER      3  0          0
            1h  START      3  0          2
            2h  FINISH     3  0          2
        """),
        totals={"write_off": dollars(32), "burst": dollars(8), "avoidable": dollars(40)},
    )


def a_job_that_its_user_cancels_takes_its_descendants_with_it() -> Toy:
    """Section 6: "When it is killed or cancelled, all its descendants are cancelled (CANCEL, by id)".

    Job 0 ends without a result after its hour: 1 and 2 leave the world, 2 before its deadline. Job 3 has no parent and
    goes on.
    """
    jobs = [
        member(0, 2, HOUR, is_cancelled=1),
        member(1, 2, HOUR, (0,)),
        member(2, 2, HOUR, (1,), deadline=90 * MINUTE, penalty=dollars(7)),
        member(3, 2, 2 * HOUR),
    ]
    return Toy(
        world(jobs, [site(4)]),
        until=3 * HOUR,
        expected=rows("""
            0   ARRIVE  0  -  2
            0   ARRIVE  1  -  2
            0   ARRIVE  2  -  2
            0   ARRIVE  3  -  2
            0   OFFER   0  0  0
            0   OFFER   3  0  0
            0   START   0  0  2
            0   START   3  0  2
            1h  CANCEL  0  0  2
            1h  CANCEL  1  -  0
            1h  CANCEL  2  -  0
            2h  FINISH  3  0  2
        """),
    )


def a_child_of_two_lost_parents_is_cancelled_once() -> Toy:
    """Section 6, as above. Job 0 is killed at its requested end and takes job 2 along; when job 1 is cancelled, 2 is
    gone.
    """
    jobs = [
        member(0, 1, 3 * HOUR, requested=HOUR),
        member(1, 1, 2 * HOUR, is_cancelled=1),
        member(2, 1, HOUR, (0, 1)),
    ]
    return Toy(
        world(jobs, [site(2)], kill_overruns=True),
        until=4 * HOUR,
        expected=rows("""
            0   ARRIVE  0  -  1
            0   ARRIVE  1  -  1
            0   ARRIVE  2  -  1
            0   OFFER   0  0  0
            0   OFFER   1  0  0
            0   START   0  0  1
            0   START   1  0  1
            1h  KILL    0  0  1
            1h  CANCEL  2  -  0
            2h  CANCEL  1  0  1
        """),
    )
