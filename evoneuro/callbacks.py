"""Callbacks: who else is told what a run does, besides its display; found by entry point or named as a class.

A callback watches. It cannot change a result, and one that raises is left out from then on while the run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from evoneuro import plugins
from evoneuro.errors import PluginError

GROUP = "evoneuro.callbacks"


class Callback:
    """What a run tells; a subclass overrides what it wants to hear.

    A plugin is named by an entry point in the group `evoneuro.callbacks`, as `package.module:Class` or as
    `path/file.py:Class`, and made without arguments.
    """

    def start(self, header: Mapping[str, Any]) -> None:
        """The run begins, or goes on: run (its directory), task and seed."""

    def generation(self, summary: Mapping[str, Any]) -> None:
        """A generation is closed, and what it found is in the journal.

        Args:
            summary: generation, generations (in all, or None), best_score, front_size, hypervolume, evaluations,
                evaluations_per_second, steps_per_second (network-steps), failures, seconds, seconds_left (or None),
                workers, workers_alive, and front: the members as `evoneuro front --json` prints them.
        """

    def finish(self) -> None:
        """The run ends, however it does; may come more than once."""


class Several(Callback):
    """Tells each of several observers.

    Args:
        first: the display, whose errors are the program's own.
        others: callbacks; one that raises is told nothing more.
        complain: gets the line that says so, and the callback's own traceback.
    """

    def __init__(self, first: Any, others: Iterable[Any], complain: Callable[[str], None]) -> None:
        self._first, self._others, self._complain = first, list(others), complain

    def start(self, header: Mapping[str, Any]) -> None:
        """Tell all that the run begins or goes on."""
        self._first.start(header)
        self._tell("start", header)

    def generation(self, summary: Mapping[str, Any]) -> None:
        """Tell all that a generation is closed."""
        self._first.generation(summary)
        self._tell("generation", summary)

    def finish(self) -> None:
        """Tell all that the run ends."""
        self._first.finish()
        self._tell("finish")

    def _tell(self, what: str, *arguments: Mapping[str, Any]) -> None:
        for callback in list(self._others):
            try:
                getattr(callback, what)(*arguments)
            except Exception as error:
                self._others.remove(callback)
                found = plugins.plugin_error(f"callback {type(callback).__name__}: {what}() raised", error)
                self._complain(f"{found.trace or ''}{found}; the run goes on without it")


def find_callbacks(names: Sequence[str]) -> list[Callback]:
    """The callbacks of these names; their modules are imported.

    Raises:
        EvoNeuroError: no such callback, or a package that it needs is not here.
        PluginError: one raised while it was imported or made.
    """
    made = []
    for name in names:
        cls = plugins.find("callback", name, GROUP, Callback)
        try:
            made.append(cls())
        except PluginError:
            raise
        except Exception as error:
            raise plugins.plugin_error(f"callback {name!r} could not be made", error) from error
    return made
