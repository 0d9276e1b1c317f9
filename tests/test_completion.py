"""Completion in shells: each that is here completes commands, options, names and files with the printed script."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from evoneuro.cli import _parser, main
from evoneuro.commands.completion import SHELLS, _words, script

WANTED = [
    ("evoneuro ev", {"evaluate"}),
    ("evoneuro run --gen", {"--generations"}),
    ("evoneuro run mountain", {"mountain-car", "mountain-car-continuous"}),
    ("evoneuro evaluate net.json --task acro", {"acrobot"}),
    ("evoneuro export net.json --target tenn", {"tennlab"}),
    ("evoneuro run iris --profile loihi", {"loihi-1", "loihi-2"}),
    ("evoneuro run iris --preset eons-n", {"eons-nand"}),
    ("evoneuro new-task mine --kind reg", {"regression"}),
    ("evoneuro plot some_net", {"some_net.json"}),
    ("evoneuro run my_task", {"my_task.toml"}),
]


@pytest.fixture(scope="module")
def scripts() -> dict[str, str]:
    return {shell: script(_parser(), shell) for shell in SHELLS}


@pytest.fixture
def folder(tmp_path: Path, scripts: dict[str, str]) -> Path:
    """A folder with files of some names, and the scripts."""
    (tmp_path / "some_net.json").touch()
    (tmp_path / "my_task.toml").touch()
    for shell, text in scripts.items():
        (tmp_path / f"script.{shell}").write_text(text)
    return tmp_path


def completed(shell: str, command: str, folder: Path) -> str:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    result = subprocess.run([program, "-c", command], capture_output=True, text=True, cwd=folder)
    assert result.stderr == ""
    return result.stdout


BASH = """
source ./script.bash
complete -p evoneuro | grep -q _shtab_evoneuro
COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
_shtab_evoneuro evoneuro "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(("line", "wanted"), WANTED)
def test_bash_completes(folder: Path, line: str, wanted: set[str]) -> None:
    found = completed("bash", BASH.format(line=line), folder).split()
    assert set(found) == wanted


@pytest.mark.parametrize(("line", "wanted"), WANTED)
def test_fish_completes(folder: Path, line: str, wanted: set[str]) -> None:
    found = completed("fish", f"source ./script.fish; complete -C '{line}'", folder)
    assert {row.split("\t")[0] for row in found.splitlines()} == wanted


def test_zsh_understands_the_script(folder: Path) -> None:
    command = 'autoload -Uz compinit; compinit -D; eval "$(< script.zsh)"; print $_comps[evoneuro]'
    assert completed("zsh", command, folder).strip() == "_shtab_evoneuro"


def test_the_option_prints_and_ends(capsys: pytest.CaptureFixture[str], scripts: dict[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", "bash"])
    assert (ended.value.code, capsys.readouterr().out) == (0, scripts["bash"])
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", "bsh"])
    assert ended.value.code == 2
    assert "expected bash, zsh, fish, got 'bsh'. Did you mean 'bash'?" in capsys.readouterr().err


def test_every_command_is_in_every_script(scripts: dict[str, str]) -> None:
    for text in scripts.values():
        for command in ("run", "resume", "report", "new-task", "neurobench", "study"):
            assert command in text


def test_a_name_that_is_shell_code_is_left_out() -> None:
    found = _words("task", ["good", "$(touch evil)", "x'; touch evil; '"], files=False)
    assert "evil" not in str(found)
    assert "good" in str(found)
