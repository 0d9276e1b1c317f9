"""Talking to programs: many requests at once, and programs that end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evoneuro.errors import EvoNeuroError
from evoneuro.export.conversation import Conversation

pytestmark = pytest.mark.skipif(
    shutil.which("cat") is None or shutil.which("head") is None, reason="no cat, or no head"
)


def test_more_than_pipes_hold(tmp_path: Path) -> None:
    lines = [f"{k} {'x' * 200}" for k in range(4000)]
    with Conversation(["cat"], tmp_path, 60.0) as conversation:
        assert conversation.ask("first") == "first"
        assert conversation.ask_all(lines) == lines
        assert conversation.ask_all([]) == []
        assert conversation.ask("last") == "last"


def test_a_program_that_ends_too_soon(tmp_path: Path) -> None:
    lines = ["x" * 200] * 4000
    with (
        Conversation(["head", "-n", "2"], tmp_path, 60.0) as conversation,
        pytest.raises(EvoNeuroError, match="head -n 2 ended with 0"),
    ):
        conversation.ask_all(lines)


def test_a_program_that_takes_too_long(tmp_path: Path) -> None:
    with (
        Conversation(["sleep", "60"], tmp_path, 0.2) as conversation,
        pytest.raises(EvoNeuroError, match=r"sleep took more than 0.2 s"),
    ):
        conversation.ask_all(["x" * 200] * 4000)
