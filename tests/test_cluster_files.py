"""What experiments/cluster and docs/cluster.md tell people to use: parsed by the tools it is for, or run."""

from __future__ import annotations

import copy
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from evoneuro.cli import _parser

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "experiments" / "cluster"
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def commands(text: str, program: str) -> list[list[str]]:
    """The arguments of all calls of a program in a text."""
    found = re.findall(rf"(?:^|[\s`(&]){program} ([^\n`;|&#]*)", text, flags=re.MULTILINE)
    return [shlex.split(line) for line in found]


def check_ray(arguments: list[str]) -> None:
    """Ray's own command line takes these arguments."""
    from ray.scripts.scripts import cli

    group: Any = cli
    while arguments and arguments[0] in getattr(group, "commands", {}):
        group, arguments = group.commands[arguments[0]], arguments[1:]
    group.make_context(group.name, list(arguments), resilient_parsing=False)


@pytest.mark.parametrize("name", ["local.yaml", "cloud.yaml"])
def test_ray_up_takes_the_file(name: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    prepared = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    assert prepared["max_workers"] == config["max_workers"]
    text = "\n".join(config["head_start_ray_commands"] + config["worker_start_ray_commands"])
    starts = commands(re.sub(r"\$\(\([^)]*\)[^)]*\)\)|\$\(\(.*?\)\)", "3", text), r"\S*bin/ray")
    assert [start[0] for start in starts] == ["stop", "start", "stop", "start"]
    for start in starts:
        check_ray(start)
    assert all("RAY_AUTH_MODE=token" in line for line in text.splitlines() if " start " in line)


def test_the_job_for_kubernetes() -> None:
    claim, job = yaml.safe_load_all((FOLDER / "rayjob.yaml").read_text(encoding="utf-8"))
    spec = job["spec"]
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert spec["rayClusterSpec"]["authOptions"] == {"mode": "token"}
    head = spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    volumes = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in head["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in head["containers"][0]["volumeMounts"]}
    assert volumes == {"results": claim["metadata"]["name"]}
    assert mounts == {"results": "/results"}
    shell, flag, script = shlex.split(spec["entrypoint"])
    assert (shell, flag) == ("sh", "-c")
    subprocess.run(["sh", "-n", "-c", script], check=True)
    told = [_parser().parse_args(arguments) for arguments in commands(script, "evoneuro")]
    assert [(options.name, options.address) for options in told] == [("resume", "auto"), ("run", "auto")]


def test_the_image() -> None:
    lines = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    steps = re.sub(r"\\\n", "", lines)
    known = {"FROM", "RUN", "COPY", "USER", "WORKDIR", "ENV", "ENTRYPOINT", "CMD"}
    assert {line.split()[0] for line in steps.splitlines() if line and line[0] not in "# "} == known
    for run in re.findall(r"^RUN (.*)$", steps, flags=re.MULTILINE):
        subprocess.run(["sh", "-n", "-c", run], check=True)
    version = yaml.safe_load((FOLDER / "rayjob.yaml").read_text(encoding="utf-8").split("---\n")[1])["spec"]
    assert f'"ray[default]=={version["rayClusterSpec"]["rayVersion"]}"' in lines


@pytest.mark.parametrize("name", ["slurm.sh", "two_hosts.sh"])
def test_scripts_are_shell(name: str) -> None:
    subprocess.run(["bash", "-n", str(FOLDER / name)], check=True)
    assert os.access(FOLDER / name, os.X_OK)


def test_the_commands_of_the_page_exist() -> None:
    for block in BLOCKS:
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            if program == "evoneuro":
                assert _parser().parse_args(arguments).address == "auto"
            elif program == "ray":
                check_ray(arguments)
            else:
                assert line == "export RAY_AUTH_MODE=token"
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    for name in re.findall(r"experiments/cluster/(\w+\.\w+)", PAGE):
        assert (FOLDER / name).exists(), name


def test_a_job_is_submitted_as_the_page_says() -> None:
    pytest.importorskip("aiohttp_cors", reason="ray[default]")
    (line,) = re.findall(r"`ray (job submit [^`]*)`", PAGE)
    check_ray(shlex.split(line))


SRUN = """#!/usr/bin/env bash
# Stands in for SLURM's: the command behind the options runs here.
while [[ "$1" == --* ]]; do shift; done
exec "$@"
"""
OPTIONAL = pytest.mark.skipif("EVONEURO_CLUSTER_TESTS" not in os.environ, reason="EVONEURO_CLUSTER_TESTS is not set")


@OPTIONAL
def test_the_slurm_job_runs_and_goes_on(tmp_path: Path) -> None:
    scripts = {
        "srun": SRUN,
        "scontrol": "#!/bin/sh\nprintf '127.0.0.1\\n127.0.0.1\\n'\n",
        "ray": f'#!/bin/sh\nexec "{sys.executable}" -m ray.scripts.scripts "$@"\n',
        "evoneuro": f'#!/bin/sh\nexec "{sys.executable}" -m evoneuro "$@"\n',
    }
    for name, text in scripts.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "two",
        "SLURM_CPUS_PER_TASK": "1",
        "EVONEURO_PORT": "26379",
        "EVONEURO_SHARED": str(tmp_path),
    }

    def job(*arguments: str) -> None:
        command = [str(FOLDER / "slurm.sh"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    job("cartpole", "--seed", "1", "--generations", "2", "--population", "20", "--out", "results")
    (path,) = (tmp_path / "results").iterdir()
    job("resume", str(path))
    assert not list(tmp_path.glob(".evoneuro-token-*"))


@OPTIONAL
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="network namespaces need root")
def test_two_hosts(tmp_path: Path) -> None:
    import evoneuro

    command = [str(FOLDER / "two_hosts.sh"), "run", "cartpole", "--seed", "1", "--generations", "3", "--quiet"]
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        [*command, "--out", "two"], capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "two").iterdir()
    alone = evoneuro.evolve("cartpole", generations=3, seed=1, workers=0, out=str(tmp_path / "alone"))
    assert evoneuro.Run(path).status()["digest"] == alone.status()["digest"]
