"""The command line: through `main([...])`, and as a process where that is what counts."""

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.verbs.events import COLUMNS
from tidegate.fastsim.log import ARRIVE, KINDS

SHARED = Path(os.environ.get("TIDEGATE_SHARED", Path(__file__).parents[2] / "shared"))
GOLDEN = SHARED / "golden" / "easy_16384_seed1.csv"
DOCUMENT = Path(__file__).parents[1] / "docs" / "cli.md"
MEASURES = DOCUMENT.with_name("evaluation.md")
HEAVY = {"torch", "numba", "gymnasium", "onnxruntime", "pydantic", "numpy"}
TIDEGATE = [sys.executable, "-c", "from tidegate.agents.cli import main; main()"]
SIMULATE = ["simulate", "small_team", "--policy", "cost-greedy", "--days", "2"]
TOY = """job_id,submit_s,gpus,runtime_s,requested_s
a,100,3,10,20
b,101.25,4,10,
c,102,1,5.5,6
"""


def failure(*argv: object) -> int:
    """The exit code of a command that fails."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(part) for part in argv])
    assert isinstance(end.value.code, int)
    return end.value.code


def refusal(capsys, *argv: object) -> str:
    """What stderr says about a wrong input; nothing is on stdout."""
    assert failure(*argv) == 2
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


def answer(capsys, *argv: object) -> dict:
    """The JSON that a command prints; stderr stays empty."""
    assert cli.main([str(part) for part in argv]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return json.loads(told.out)


@pytest.fixture
def toy(tmp_path) -> Path:
    """Three jobs for a site of four: b waits for all of it, and c fits beside a."""
    path = tmp_path / "toy.csv"
    path.write_text(TOY)
    return path


def test_help_imports_nothing_heavy():
    script = (
        "import sys\nfrom tidegate.agents.cli import main\n"
        "try:\n    main(['--help'])\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stderr.split()) & HEAVY == set()


def test_help_is_there_at_once():
    def once() -> float:
        began = time.perf_counter()
        subprocess.run([*TIDEGATE, "--help"], capture_output=True, check=True)
        return time.perf_counter() - began

    assert min(once() for _ in range(5)) < 2  # 0.25 s on an idle machine; a second where others compile


@pytest.mark.parametrize(
    ("argv", "choice"),
    [
        (
            ["trian"],
            "use one of train, evolve, distil, tune, choose, evaluate, bound, stress, plan, simulate, replay, export, "
            "decide, explain, whatif, serve, audit, scenarios, slurm",
        ),
        (["scenarios", "lst"], "use one of list, show, check"),
        (["scenarios", "show", "smal_team"], "small_team"),
        (["train", "smal_team"], "small_team"),
        (["evaluate", "smal_team"], "small_team"),
        (["simulate", "small_team", "--policy", "greedy"], "cost-greedy"),
    ],
)
def test_a_wrong_name_is_answered_with_the_choices(capsys, argv, choice):
    told = refusal(capsys, *argv)
    assert told.startswith("error: ") and told.count("\n") == 1
    assert choice in told


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--nope"],
        ["simulate", "small_team"],
        ["simulate", "small_team", "--policy", "first-fit", "--days", "0"],
        ["replay", "trace.csv", "--capacity", "0", "--dispatch", "easy"],
        ["replay", "trace.csv", "--capacity", "4", "--dispatch", "lifo"],
    ],
)
def test_a_wrong_option_exits_with_code_two(argv):
    assert failure(*argv) == 2


@pytest.mark.parametrize("verb", ["tune", "evaluate", "bound", "stress", "simulate"])
def test_a_seed_that_names_nothing_is_refused_by_every_verb(capsys, tmp_path, verb):
    pytest.importorskip({"tune": "cmaes", "bound": "highspy"}.get(verb, "numpy"), reason="needs an extra")
    options = {"tune": ["--out", tmp_path / "x.json"], "simulate": ["--policy", "first-fit"]}.get(verb, [])
    told = refusal(capsys, verb, "small_team", *options, "--seed", 10**26)
    assert f"seed, {10**26}, is outside [0, 2^63), choose another" in told and told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["evaluate", "bound"])
@pytest.mark.parametrize("load", ["nan", "inf", "0"])
def test_a_load_that_is_none_is_refused(capsys, verb, load):
    pytest.importorskip("highspy", reason="needs the bound extra")
    told = refusal(capsys, verb, "small_team", "--load", load)
    assert told.startswith("error: small_team: load, ") and told.count("\n") == 1


def test_every_scenario_is_listed_shown_and_checked(capsys):
    for scenario in answer(capsys, "scenarios", "list", "--json"):
        assert cli.main(["scenarios", "show", scenario["name"]]) == 0
        assert scenario["digest"] in capsys.readouterr().out
        assert cli.main(["scenarios", "check", scenario["name"]]) == 0
        assert scenario["digest"] in capsys.readouterr().out


def test_a_scenario_that_does_not_hold_together_is_refused_with_its_place(capsys, tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text('name = "broken"\n')
    assert "broken.toml" in refusal(capsys, "scenarios", "check", path)


def test_a_simulation_is_named_by_the_digest_of_the_events_it_writes(capsys, tmp_path):
    path = tmp_path / "events.csv"
    summary = answer(capsys, *SIMULATE, "--events", path, "--json")
    with path.open(newline="") as file:
        head, *events = csv.reader(file)
    assert tuple(head) == COLUMNS
    rows = [(int(at), KINDS.index(kind) + 1, int(a), int(b), int(c)) for at, kind, a, b, c in events]
    assert len(rows) == summary["events"]
    assert hashlib.sha256(np.array(rows, "<i8").tobytes()).hexdigest() == summary["digest"]
    assert sum(kind == ARRIVE for _, kind, *_ in rows) == summary["jobs"]
    assert summary["cost"]["bill"] == pytest.approx(summary["cost"]["floors"] + summary["cost"]["avoidable"])


def test_events_are_the_same_in_parquet(capsys, tmp_path):
    pandas = pytest.importorskip("pandas")
    for name in ("events.csv", "events.parquet"):
        answer(capsys, *SIMULATE, "--events", tmp_path / name, "--json")
    table = pandas.read_parquet(tmp_path / "events.parquet")
    table["kind"] = table["kind"].astype(str)
    pandas.testing.assert_frame_equal(
        table, pandas.read_csv(tmp_path / "events.csv"), check_dtype=False, check_column_type=False
    )


def test_a_simulation_prints_every_site_and_class(capsys):
    assert cli.main(SIMULATE) == 0
    told = capsys.readouterr().out
    for name in ("cost-greedy", "on_demand", "pretraining", "research", "SHA-256", "burst"):
        assert name in told


def test_a_play_in_slices_is_the_play_in_one_go():
    from tidegate.agents.rules.cost_greedy import agent
    from tidegate.agents.verbs.episode import STREAM, played
    from tidegate.envs.generator import generate
    from tidegate.envs.scenario import load
    from tidegate.fastsim.keyed import world_seed
    from tidegate.fastsim.units import DAY
    from tidegate.fastsim.worlds import Worlds

    scenario, shares = load("small_team"), []
    sliced = played(scenario, agent(), 5, 3, shares.append)
    whole = Worlds(scenario.compile(seed=5), generate(scenario, 5, STREAM, 3), 1, log=True)
    whole.begin(0, seed=world_seed(5, STREAM))
    whole.play(agent(), 3 * DAY)
    assert sliced.digest() == whole.digest()
    assert sliced.totals() == whole.totals()
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_simulation_accounts_for_every_job(capsys):
    """Each has left the world in one way or is in it in one way; classes share the jobs out."""
    summary = answer(capsys, *SIMULATE, "--json")
    left = ("finished", "cancelled", "killed", "expired", "written_off")
    present = ("waiting", "starting", "running", "pending")
    assert sum(summary[name] for name in (*left, *present)) == summary["jobs"]
    assert sum(one["jobs"] for one in summary["classes"].values()) == summary["jobs"]
    named = re.findall(r"^\| `(\w+)`", MEASURES.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(summary["measures"]) == set(named) - {"utilisation"}
    parts = ("overage", "burst", "egress", "delay", "penalty", "write_off")
    assert summary["cost"]["avoidable"] == pytest.approx(sum(summary["cost"][part] for part in parts))


@pytest.mark.parametrize("dispatch", ["fcfs", "easy"])
def test_a_replay_meets_every_start_of_the_golden_schedule(capsys, tmp_path, dispatch):
    if not GOLDEN.exists():
        pytest.skip(f"{GOLDEN} is absent; set TIDEGATE_SHARED to the folder that holds golden/")
    starts = tmp_path / "starts.csv"
    options = ["--capacity", 16_384, "--dispatch", dispatch, "--starts", starts, "--json"]
    summary = answer(capsys, "replay", GOLDEN, *options)
    with GOLDEN.open(newline="") as file:
        expected = [(row["job_id"], row[f"start_{dispatch}_s"]) for row in csv.DictReader(file)]
    with starts.open(newline="") as file:
        assert [(row["job_id"], row["start_s"]) for row in csv.DictReader(file)] == expected
    assert summary["wait_mean_s"] == pytest.approx({"fcfs": 5494.37, "easy": 703.81}[dispatch], abs=0.005)


@pytest.mark.parametrize(
    ("dispatch", "starts", "makespan", "work"),
    [("fcfs", "a,100\nb,110\nc,120\n", 25.5, 75.5), ("easy", "a,100\nb,110\nc,102\n", 20.0, 75.5)],
)
def test_a_toy_replay_is_the_one_worked_by_hand(capsys, toy, dispatch, starts, makespan, work):
    """a holds three of four from 100 to 110; b wants all four; c wants one for 5.5 s, within what a asked for."""
    path = toy.with_name("starts.csv")
    summary = answer(capsys, "replay", toy, "--capacity", 4, "--dispatch", dispatch, "--starts", path, "--json")
    assert path.read_text() == "job_id,start_s\n" + starts
    assert (summary["requested_known"], summary["requested_set_to_walltime"]) == (2, 1)
    assert summary["makespan_s"] == makespan
    assert summary["utilisation"] == pytest.approx(work / (4 * makespan))


def test_a_replay_keeps_the_time_of_the_trace_in_every_format(toy):
    from tidegate.agents.verbs.origin import first_submission

    pandas = pytest.importorskip("pandas")
    parquet, swf = toy.with_suffix(".parquet"), toy.with_suffix(".swf")
    pandas.read_csv(toy).iloc[::-1].to_parquet(parquet)
    tail = "-1 10 3 -1 -1 3 20 -1 1 1 1 -1 1 -1 -1 -1"
    swf.write_text(f"; MaxProcs: 4\n1 103 {tail}\n2 100 {tail}\n")
    assert [first_submission(path) for path in (toy, parquet, swf)] == [100_000] * 3


@pytest.mark.parametrize(("milliseconds", "text"), [(0, "0"), (58_000, "58"), (1_250, "1.25"), (7, "0.007")])
def test_seconds_are_integers_where_they_are_whole(milliseconds, text):
    from tidegate.agents.verbs.replay import seconds

    assert seconds(milliseconds) == text


def test_a_gang_that_never_fits_is_refused_by_name(capsys, toy):
    told = refusal(capsys, "replay", toy, "--capacity", 3, "--dispatch", "easy")
    assert "gang of job b, 4, never fits on 3 accelerators" in told


@pytest.mark.parametrize("target", ["starts.txt", "nowhere/starts.csv", "."])
def test_a_file_that_cannot_be_written_is_refused_before_any_work(capsys, toy, target):
    told = refusal(
        capsys, "replay", toy, "--capacity", 4, "--dispatch", "easy", "--starts", toy.with_name("x") / ".." / target
    )
    assert told.startswith("error: --starts: file, ")


@pytest.mark.parametrize(
    "argv",
    [
        ["replay", "toy.csv", "--capacity", 4, "--dispatch", "easy", "--starts"],
        ["simulate", "small_team", "--policy", "first-fit", "--events"],
        ["simulate", "small_team", "--policy", "first-fit", "--focus"],
        ["tune", "small_team", "--out"],
        ["evaluate", "small_team", "--report"],
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_any_work(capsys, tmp_path, monkeypatch, argv):
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    path = (tmp_path / "x").with_suffix({"--report": ".html", "--out": ".json"}.get(argv[-1], ".csv"))
    told, option = refusal(capsys, *argv, path), argv[-1]
    reason, remedy = "cannot be written: Permission denied", f"name another place with {option}"
    assert told == f"error: {option}: file, {path}, {reason}, {remedy}\n"


def test_a_full_disk_leaves_the_older_file_as_it_was_and_the_results_are_told(capsys, toy, monkeypatch):
    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    starts = toy.with_name("starts.csv")
    starts.write_text("older")
    monkeypatch.setattr(os, "fsync", refuse)
    assert failure("replay", toy, "--capacity", 4, "--dispatch", "easy", "--starts", starts, "--json") == 2
    told = capsys.readouterr()
    assert "No space left on device" in told.err and json.loads(told.out)["jobs"] == 3
    assert starts.read_text() == "older"


def test_an_evaluation_is_told_though_its_page_fails(capsys, tmp_path, monkeypatch):
    pytest.importorskip("plotly", reason="needs the report extra")

    def refuse(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tidegate.agents.verbs.evaluate._write_page", refuse)
    policies = ["--policy", "first-fit", "--policy", "burst-only"]
    options = ["--episodes", 1, "--json", "--report", tmp_path / "page.html"]
    assert failure("evaluate", "small_team", *policies, *options) == 1
    told = capsys.readouterr()
    assert len(json.loads(told.out)["policies"]) == 2 and "No space left on device" in told.err


def test_a_folder_that_is_there_is_not_written_over(capsys, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "kept").write_text("")
    assert "is not an empty folder" in refusal(capsys, "train", "small_team", "--out", tmp_path)
    assert "is there already" in refusal(capsys, "export", tmp_path, "--out", tmp_path)


def test_what_is_no_bundle_is_refused(capsys, tmp_path):
    assert "manifest.json" in refusal(capsys, "decide", tmp_path)


def test_an_interruption_exits_with_code_130(capsys, monkeypatch):
    from tidegate.agents.verbs import episode

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(episode, "watched", interrupt)
    assert failure(*SIMULATE) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_termination_is_an_interruption_with_code_143(capsys, monkeypatch):
    from tidegate.agents.verbs import episode

    def terminate(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(episode, "watched", terminate)
    assert failure(*SIMULATE) == 143
    assert capsys.readouterr().err == ""
    assert signal.getsignal(signal.SIGTERM) == before


def test_training_that_breaks_exits_with_code_one(capsys, monkeypatch):
    from tidegate.agents.verbs import episode

    def break_(*arguments: object) -> None:
        raise FloatingPointError("training: gradients, 1 of 8 values is NaN")

    monkeypatch.setattr(episode, "watched", break_)
    assert failure(*SIMULATE) == 1
    assert capsys.readouterr().err == "error: training: gradients, 1 of 8 values is NaN\n"


def test_a_closed_pipe_is_no_noise():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*TIDEGATE, "scenarios", "list"], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_file_is_written_though_nobody_reads_the_results(toy):
    reader, writer = os.pipe()
    os.close(reader)
    starts = toy.with_name("starts.csv")
    command = ["replay", str(toy), "--capacity", "4", "--dispatch", "easy", "--starts", str(starts), "--json"]
    done = subprocess.run([*TIDEGATE, *command], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
    assert starts.read_text().startswith("job_id,start_s\n")


def test_as_a_process_it_prints_json_and_exits_with_zero():
    done = subprocess.run([*TIDEGATE, "scenarios", "list", "--json"], capture_output=True, text=True, check=True)
    assert {"colossus1_gcp", "mid_lab", "small_team"} < {one["name"] for one in json.loads(done.stdout)}
    assert done.stderr == ""


def test_an_evaluation_compares_with_the_first_policy(capsys):
    policies = ["--policy", "first-fit", "--policy", "cost-greedy"]
    report = answer(capsys, "evaluate", "small_team", *policies, "--episodes", 2, "--json")
    assert [one["policy"] for one in report["policies"]] == ["first-fit", "cost-greedy"]
    assert [(one["policy"], one["against"]) for one in report["comparisons"]] == [("cost-greedy", "first-fit")]


@pytest.mark.slow
def test_a_policy_is_trained_exported_and_asked(capsys, tmp_path):
    pytest.importorskip("torch")
    run, bundle = tmp_path / "run", tmp_path / "run" / "bundle"
    assert cli.main(["train", "small_team", "--minutes", "0.02", "--out", str(run)]) == 0
    assert cli.main(["export", str(run), "--out", str(bundle)]) == 0
    capsys.readouterr()
    assert cli.main(["decide", str(bundle)]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^decision: (committed|on_demand|hold), in [\d,]+ µs", told, re.MULTILINE)


def test_every_verb_and_option_is_documented():
    import typer

    text = DOCUMENT.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    group = typer.main.get_command(cli.app)
    for name, verb in group.commands.items():  # type: ignore[attr-defined]
        usages = re.findall(rf"^    (tidegate {name} .*)$", sections[name], re.MULTILINE)
        assert len(usages) >= 2, f"{name}: a usage and an example"
        for part in [verb, *getattr(verb, "commands", {}).values()]:
            assert part.help
            for option in (option for parameter in part.params for option in parameter.opts):
                if option.startswith("--") and option != "--help":
                    assert f"| `{option}` |" in sections[name], f"{name} {option}"
    for code in (0, 1, 2, 130, 143):
        assert re.search(rf"^\| {code} \|", text, re.MULTILINE)
