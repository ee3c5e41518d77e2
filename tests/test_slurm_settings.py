"""The configuration of `tidegate slurm`: refused with its place, or whole; and what starts without NumPy."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.agents import cli
from tidegate.agents.slurm.settings import (
    ClassRule,
    Cluster,
    Gate,
    Place,
    PriorityRule,
    Rest,
    Router,
    Settings,
    TagRule,
    read_settings,
)
from tidegate.agents.slurm.standing import World
from tidegate.envs.scenario import load

from .fake_slurm import LAB

DEPLOY = Path(__file__).parents[1] / "docs" / "deploy"

WHOLE = f"""
scenario = "{LAB}"
origin = 2026-11-30T00:00:00+01:00
default_site = "committed"
state = "state.json"

[router]
socket = "router.sock"

[[sites]]
name = "committed"
partition = "committed"

[[sites]]
name = "burst"
partition = "burst"

[job_class]
by = "account"
default = "research"
"""
WRONG = [
    (
        'partition = "burst"',
        'partition = "committed"',
        "sites[1].partition: partition, committed, given twice, one for",
    ),
    (
        'partition = "burst"',
        'partition = "gate"',
        "sites[1].partition: partition, gate, is the gate's, give the gate a",
    ),
    ('partition = "burst"', 'partition = "a b"', "sites[1].partition: partition, 'a b', string should match pattern"),
    (
        'name = "burst"',
        'name = "cloud"',
        "sites[1].name: site, cloud, the scenario has none of this name, use one of co",
    ),
    ('name = "burst"', 'name = "committed"', "sites[1].name: name, committed, given twice, name every site once"),
    (
        'name = "burst"',
        'name = "burst"\ncluster = "b"',
        "sites[1].cluster: cluster, b, there is none of this name, use",
    ),
    ('default_site = "committed"', 'default_site = "x"', "default_site: site, x, there is none of this name, use one "),
    ("2026-11-30T00:00:00+01:00", "2026-12-01T00:00:00+01:00", "origin: time, 2026-12-01T00:00:00+01:00, not a Monday"),
    (
        "2026-11-30T00:00:00+01:00",
        "2026-11-30T00:00:00",
        "origin: time, 2026-11-30T00:00:00, not a Monday, 00:00, with",
    ),
    ('socket = "router.sock"', "", "router.socket: address, absent, a router is at one place, give a socket or a port"),
    ('socket = "router.sock"', 'socket = "r"\nport = 1', "router.socket: address, given twice, a router is at one "),
    ('default = "research"', 'default = "play"', "job_class.default: class, play, the scenario has none of this name"),
    (
        'default = "research"',
        'default = "research"\ntable = { a = "x" }',
        "job_class.table.a: class, x, the scenario has",
    ),
    (
        'default = "research"',
        'default = "research"\n[tags]\ntable = { a = ["eu"] }',
        "tags.table.a: tag, eu, the scenar",
    ),
    ("[router]", "[rooter]", "router: router, absent, field required"),
    (
        'state = "state.json"',
        "state = 1\nwatchdog_seconds = 0",
        "watchdog_seconds: watchdog_seconds, 0, input should be",
    ),
    ("[router]", "[router", "slurm.toml: TOML, slurm.toml, cannot be parsed:"),
    (
        f'scenario = "{LAB}"',
        'scenario = "smal_team"',
        "scenario: name, smal_team, there is none of this name, use one ",
    ),
]


@pytest.mark.parametrize(("before", "after", "reason"), WRONG, ids=range(len(WRONG)))
def test_what_does_not_hold_together_is_refused_with_its_place(capsys, tmp_path, before, after, reason):
    assert WHOLE.count(before) == 1
    path = tmp_path / "slurm.toml"
    path.write_text(WHOLE.replace(before, after))
    with pytest.raises(SystemExit) as end:
        cli.main(["slurm", "check", str(path)])
    told = capsys.readouterr()
    assert end.value.code == 2 and told.out == ""
    assert reason in told.err and told.err.startswith(f"error: {path}: ") and told.err.count("\n") == 1


def test_a_file_that_is_not_there_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        cli.main(["slurm", "watchdog", str(tmp_path / "slurm.toml")])
    assert end.value.code == 2 and "cannot be read: No such file" in capsys.readouterr().err


def test_a_scenario_is_sought_beside_the_file(tmp_path):
    path = tmp_path / "slurm.toml"
    path.write_text(WHOLE.replace(str(LAB), "own.toml"))
    assert read_settings(path).scenario == str(tmp_path / "own.toml")
    path.write_text(WHOLE.replace(str(LAB), "small_team"))
    assert read_settings(path).scenario == "small_team"


def test_rest_speaks_for_one_cluster(capsys, tmp_path):
    path = tmp_path / "slurm.toml"
    path.write_text(WHOLE + '\n[rest]\nsocket = "r"\n[clusters.local]\n[clusters.far]\n')
    with pytest.raises(SystemExit):
        cli.main(["slurm", "check", str(path)])
    assert "rest: clusters, 2, slurmrestd speaks for one" in capsys.readouterr().err


def test_the_check_says_what_is_not_there(capsys, tmp_path):
    path = tmp_path / "slurm.toml"
    whole = WHOLE.replace("state.json", str(tmp_path / "state.json")).replace("router.sock", str(tmp_path / "r"))
    path.write_text(f'{whole}\n[rest]\nsocket = "{tmp_path / "rest"}"\n')
    with pytest.raises(SystemExit) as end:
        cli.main(["slurm", "check", str(path)])
    told = capsys.readouterr().out
    assert end.value.code == 1
    assert "WRONG: router: No such file or directory" in told
    assert "WRONG: Slurm, local: No such file or directory" in told
    assert "state.json can be written" in told


def test_the_example_of_the_docs_holds_together():
    settings = read_settings(DEPLOY / "slurm.toml")
    assert set(World(settings, load(settings.scenario)).sites) == {"committed", "on_demand", "spot"}


def test_every_key_is_in_the_docs():
    text = (DEPLOY / "slurm.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_.]+|[a-z]+\[\]\.[a-z_]+|clusters\.NAME\.conf)`", text.split("## Configuration")[1]))
    parts = {"router.": Router, "rest.": Rest, "gate.": Gate, "clusters.NAME.": Cluster, "sites[].": Place}
    parts |= {"job_class.": ClassRule, "priority.": PriorityRule, "tags.": TagRule}
    keys = {prefix + key for prefix, part in parts.items() for key in part.model_fields}
    plain = set(Settings.model_fields) - {prefix.split(".")[0].removesuffix("[]") for prefix in parts}
    assert (keys | plain) - named == set()


@pytest.mark.parametrize(("unit", "verb"), [("tidegate-slurm", "run"), ("tidegate-slurm-watchdog", "watchdog")])
def test_a_unit_runs_its_verb_and_is_started_again_whatever_ends_it(unit, verb):
    read = configparser.ConfigParser(strict=False)
    read.read(DEPLOY / f"{unit}.service", encoding="utf-8")
    assert read["Service"]["ExecStart"].split()[1:] == ["slurm", verb, "/etc/tidegate/slurm.toml"]
    assert read["Service"]["Restart"] == "always" and read["Service"]["SuccessExitStatus"] == "143"


def test_the_watchdog_needs_no_numpy():
    script = (
        "import sys\nimport tidegate.agents.slurm.watchdog, tidegate.agents.verbs.slurm\n"
        "print(*({'numpy', 'numba', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
