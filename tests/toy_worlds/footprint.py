"""Granules and cubes, and what they cost (rules, section 2: "Footprint")."""

from ..reference.world import JobClass
from .notation import DOLLAR, HOUR, MINUTE, Toy, dollars, job, rows, site, world


def a_gang_occupies_and_is_billed_for_whole_granules_and_cubes() -> Toy:
    """Section 2: "A gang occupies, and is billed for," the gang rounded up; section 7: delay is "gang × time".

    Granule 4, cubes of 64 from 64 on: 5 takes 8, 63 takes 64 (granules), 65 takes 128: 200 of 207. Of the 7 that are
    free, job 3 (5, 30 min) would need 8: it waits for an hour. At $3: 200 h and 4 h are $612. At $2 the wait of its
    gang of 5 is $10.
    """
    sites = [site(207, price=3 * DOLLAR, granule=4, cube=64, cube_from=64)]
    jobs = [*(job(0, gang, HOUR) for gang in (5, 63, 65)), job(0, 5, 30 * MINUTE)]
    return Toy(
        world(jobs, sites, classes=[JobClass(dollars(2))], period=2 * HOUR),
        until=2 * HOUR + 1,
        expected=rows("""
            0      ARRIVE  0  -      5
            0      ARRIVE  1  -      63
            0      ARRIVE  2  -      65
            0      ARRIVE  3  -      5
            0      OFFER   0  0      0
            0      OFFER   1  0      0
            0      OFFER   2  0      0
            0      OFFER   3  0      0
            0      START   0  0      8
            0      START   1  0      64
            0      START   2  0      128
            1h     FINISH  0  0      8
            1h     FINISH  1  0      64
            1h     FINISH  2  0      128
            1h     START   3  0      8
            1h30m  FINISH  3  0      8
            2h     POST    0  BURST  $612
            2h     POST    0  DELAY  $10
        """),
        totals={"burst": dollars(612), "delay": dollars(10), "avoidable": dollars(622), "bill": dollars(622)},
    )


def a_write_off_does_not_round_the_gang_up() -> Toy:
    """Section 8: "the gang not rounded up and the walltime at speed 1000".

    A gang of 65 takes 128 of the 100 there are, so no site suits it. 65 h at $3 are $195, although the site is twice as
    fast; waiting costs nothing. A gang of 64 would take one cube.
    """
    sites = [site(100, price=3 * DOLLAR, granule=4, cube=64, cube_from=64, speed=[2000])]
    return Toy(
        world([job(0, 65, HOUR), job(0, 64, HOUR)], sites),
        until=HOUR,
        expected=rows("""
            0    ARRIVE     0  -          65
            0    WRITE_OFF  0  -          $195
            0    POST       0  WRITE_OFF  $195
            0    ARRIVE     1  -          64
            0    OFFER      1  0          0
            0    START      1  0          64
            30m  FINISH     1  0          64
        """),
    )
