"""The mutants fit the kernel as it is; `make mutants` plants them and looks whether the tests see them."""

from pathlib import Path

import pytest

from tidegate.fastsim.errors import InputError

from .mutation.__main__ import main
from .mutation.catalogue import MUTANTS
from .mutation.mutant import Mutant
from .mutation.report import ENOUGH, as_json, show
from .mutation.sandbox import Verdict

KERNEL = Path(__file__).parents[1] / "fastsim"
MUTANT = Mutant("two is three", "units.py", "two = 2", "two = 3")


def test_there_are_mutants_enough_and_each_has_a_name_of_its_own():
    assert len(MUTANTS) >= 60
    assert len({mutant.name for mutant in MUTANTS}) == len({(m.file, m.old, m.new) for m in MUTANTS}) == len(MUTANTS)
    assert all(mutant.old != mutant.new for mutant in MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place_of_the_kernel_and_is_python(mutant):
    assert mutant.planted((KERNEL / mutant.file).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("source", "mutant", "reason"),
    [
        ("two = 4", MUTANT, "occurs 0 times, not once"),
        ("two = 2\ntwo = 2", MUTANT, "occurs 2 times, not once"),
        ("two = 2", Mutant("two is nothing", "units.py", "two = 2", "two ="), "is no Python there"),
    ],
)
def test_a_mutant_that_does_not_fit_is_refused(source, mutant, reason):
    with pytest.raises(InputError, match=reason):
        mutant.planted(source)


def test_a_mutant_is_planted_where_its_old_text_was():
    assert MUTANT.planted("one = 1\ntwo = 2\n") == "one = 1\ntwo = 3\n"


def test_a_name_that_is_none_is_refused_before_anything_is_copied(capsys):
    assert main(["--only", "a sentence that nobody has written"]) == 2
    assert capsys.readouterr().err.startswith("error: --only: text, a sentence that nobody has written,")


def test_survivors_are_named_and_counted(capsys):
    verdicts = [Verdict(MUTANT, "world 3", "AssertionError: row 7", 1.5)] * 3 + [Verdict(MUTANT, "", "", 90.0)]
    show(verdicts)
    told = capsys.readouterr().out
    assert "survived: units.py: two is three" in told
    assert f"3 of 4 mutants killed, 75.0%; {ENOUGH:.0%} are enough" in told
    assert as_json(verdicts)["killed"] == 3
