"""What a run shows while it works.

A display is best effort: it never stops a run, so a closed terminal or a broken pipe only makes it silent. A terminal
gets a picture that renews itself, everything else (log files, CI, pipes) gets lines.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from evoneuro.report.numbers import NOTHING, count, duration, known, number, rate, sparkline
from evoneuro.report.streams import BestEffort, is_terminal
from evoneuro.report.tables import front_table

SHOWN = 8  # members of the front in the live display
CELLS = 3  # numbers beside each other, so that they fit 80 columns
BAR_WIDTH = 62


class Display(Protocol):
    """What a run reports to."""

    def start(self, header: Mapping[str, Any]) -> None:
        """Begin. `header` says what runs: task, seed, workers, run directory and the like, in the order to show."""

    def generation(self, summary: Mapping[str, Any]) -> None:
        """One generation is done.

        Args:
            summary: generation, generations (in all, or None), best_score, front_size, hypervolume, evaluations,
                evaluations_per_second, steps_per_second (network-steps), failures, seconds, seconds_left (or None),
                workers (0: this process), workers_alive, and front, members as `front_table` takes them. What is
                missing is shown as unknown.
        """

    def message(self, text: str) -> None:
        """Something worth a line."""

    def finish(self) -> None:
        """End; also after an error, and more than once."""


def make_display(quiet: bool, stream: TextIO | None = None) -> Display:
    """The display that suits `stream` (stderr if None): live on a terminal, else plain lines; or none if `quiet`."""
    stream = sys.stderr if stream is None else stream
    if quiet or stream is None:  # a process without a console has no stderr
        return QuietDisplay()
    if is_terminal(stream) and os.environ.get("TERM", "").lower() not in ("dumb", "unknown"):
        return LiveDisplay(stream)
    return PlainDisplay(stream)


class QuietDisplay:
    """Shows nothing."""

    def start(self, header: Mapping[str, Any]) -> None:
        """Nothing."""

    def generation(self, summary: Mapping[str, Any]) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""


class PlainDisplay:
    """A line per generation, at most one a second except the first and the last.

    Args:
        stream: where the lines go; stderr if None.
        clock: seconds, from any start.
    """

    interval = 1.0  # seconds from one line to the next

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = BestEffort(sys.stderr if stream is None else stream)
        self._clock = clock
        self._last = -math.inf
        self._held: Mapping[str, Any] | None = None

    def start(self, header: Mapping[str, Any]) -> None:
        """A line with the header."""
        self._print("evoneuro: " + header_line(header))

    def generation(self, summary: Mapping[str, Any]) -> None:
        """A line, now if one is due, else perhaps in `finish`."""
        now = self._clock()
        last = summary.get("generation") is not None and summary["generation"] + 1 == summary.get("generations")
        self._held = summary
        if last or now - self._last >= self.interval:
            self._last = now
            self._release()

    def message(self, text: str) -> None:
        """The text as a line, after the generation that it follows."""
        self._release()
        self._print(text)

    def finish(self) -> None:
        """The last generation's line, if it was held back."""
        self._release()

    def _release(self) -> None:
        if self._held is not None:
            self._print(summary_line(self._held))
            self._held = None

    def _print(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


class LiveDisplay:
    """A picture on the terminal that renews itself: progress, rates, two sparklines and the head of the front.

    Args:
        stream: a terminal; stderr if None.
        clock: seconds, from any start.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        stream = sys.stderr if stream is None else stream
        self._console = Console(file=BestEffort(stream), highlight=False)  # type: ignore[arg-type]
        self._clock = clock
        self._header: Mapping[str, Any] = {}
        self._summary: Mapping[str, Any] | None = None
        self._arrived = clock()
        self._best: list[float] = []
        self._volume: list[float] = []
        # Standard output belongs to results. What others print to stderr must pass above the picture.
        self._live = Live(
            get_renderable=self.render,
            console=self._console,
            refresh_per_second=2,
            redirect_stdout=False,
            redirect_stderr=stream is sys.stderr,
        )

    def start(self, header: Mapping[str, Any]) -> None:
        """Show the header and begin to renew the picture."""
        self._header = header
        self._arrived = self._clock()
        self._live.start()

    def generation(self, summary: Mapping[str, Any]) -> None:
        """Take the numbers in; they are seen with the next renewal."""
        self._summary = summary
        self._arrived = self._clock()
        for history, key in ((self._best, "best_score"), (self._volume, "hypervolume")):
            if known(summary.get(key)):
                history.append(float(summary[key]))

    def message(self, text: str) -> None:
        """The text as lines above the picture."""
        self._console.print(Text(text), soft_wrap=True)

    def finish(self) -> None:
        """Leave the last picture on the terminal."""
        self._live.stop()

    def render(self) -> RenderableType:
        """The picture as it stands now."""
        title = Text.assemble(("evoneuro  ", "bold cyan"), header_line(self._header))
        summary = self._summary
        if summary is None:
            return Group(title, Text(f"first generation  {duration(self._clock() - self._arrived)}", style="dim"))
        parts: list[RenderableType] = [
            title,
            "",
            self._metrics(summary),
            "",
            self._sparklines(),
            "",
            self._progress(summary),
        ]
        members = sorted(summary.get("front") or (), key=_quality, reverse=True)[:SHOWN]
        if members:
            parts += ["", front_table(members)]
        return Group(*parts)

    def _metrics(self, summary: Mapping[str, Any]) -> Table:
        passed = self._clock() - self._arrived
        left = summary.get("seconds_left")
        failures = summary.get("failures")
        cells = (
            ("generations", _generation(summary)),
            ("best score", number(summary.get("best_score"))),
            ("front", number(summary.get("front_size"))),
            ("hypervolume", number(summary.get("hypervolume"))),
            ("evaluations/s", rate(summary.get("evaluations_per_second"))),
            ("network-steps/s", rate(summary.get("steps_per_second"))),
            ("elapsed", duration(summary["seconds"] + passed) if known(summary.get("seconds")) else NOTHING),
            ("time left", duration(max(left - passed, 0.0)) if left is not None and known(left) else NOTHING),
            ("evaluations", count(summary.get("evaluations"))),
            ("failures", Text(count(failures), style="yellow" if failures else "")),
            ("workers alive", _workers(summary)),
        )
        grid = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(CELLS):
            grid.add_column(style="dim", no_wrap=True)
            grid.add_column(justify="right", min_width=8, no_wrap=True)
        for i in range(0, len(cells), CELLS):
            grid.add_row(*(part for cell in cells[i : i + CELLS] for part in cell))
        return grid

    def _sparklines(self) -> Table:
        grid = Table.grid(padding=(0, 2, 0, 0))
        if self._console.encoding.lower().startswith("utf"):
            for name, history in (("best score", self._best), ("hypervolume", self._volume)):
                if history:
                    ends = f"{number(history[0])} to {number(history[-1])}"
                    grid.add_row(
                        Text(name, style="dim"), Text(sparkline(history), style="cyan"), Text(ends, style="dim")
                    )
        return grid

    def _progress(self, summary: Mapping[str, Any]) -> RenderableType:
        share = _share(summary)
        bar = Table.grid()
        look: dict[str, Any] = {"complete_style": "cyan", "finished_style": "cyan", "pulse_style": "cyan"}
        bar.add_row(ProgressBar(total=1.0, completed=share or 0.0, width=BAR_WIDTH, pulse=share is None, **look))
        return bar


def header_line(header: Mapping[str, Any]) -> str:
    """`task cart-pole · seed 1 · workers 2`."""
    return " · ".join(f"{key} {value}" for key, value in header.items() if value is not None)


def summary_line(summary: Mapping[str, Any]) -> str:
    """A generation in one line; rates and times in human units."""
    parts = [
        f"{_generation(summary)} generations",
        f"best {number(summary.get('best_score'))}",
        f"front {number(summary.get('front_size'))}",
        f"hypervolume {number(summary.get('hypervolume'))}",
        f"{count(summary.get('evaluations'))} evaluations",
        f"{rate(summary.get('evaluations_per_second'))} evaluations/s",
        f"{rate(summary.get('steps_per_second'))} steps/s",
    ]
    if summary.get("failures"):
        parts.append(f"{count(summary['failures'])} failed")
    if _missing(summary):
        parts.append(f"{_workers(summary)} workers")
    if known(summary.get("seconds")):
        parts.append(duration(summary["seconds"]))
    if known(summary.get("seconds_left")):
        parts.append(f"{duration(summary['seconds_left'])} left")
    return "  ".join(parts)


def _generation(summary: Mapping[str, Any]) -> str:
    """How many are done: they are numbered from 0 on."""
    last, total = summary.get("generation"), summary.get("generations")
    done = None if last is None else last + 1
    return number(done) if total is None else f"{number(done)}/{number(total)}"


def _workers(summary: Mapping[str, Any]) -> Text:
    """How many are alive, and of how many where some are not; `none` where the run does the work itself."""
    workers, alive = summary.get("workers"), summary.get("workers_alive", summary.get("workers"))
    if workers == 0:
        return Text("none", style="dim")
    return Text(f"{number(alive)} of {number(workers)}", style="yellow") if _missing(summary) else Text(number(alive))


def _missing(summary: Mapping[str, Any]) -> bool:
    workers, alive = summary.get("workers"), summary.get("workers_alive")
    return workers is not None and alive is not None and alive < workers


def _share(summary: Mapping[str, Any]) -> float | None:
    """How much of the run is done, 0 to 1: by generations, else by time; None if neither is known."""
    done, total = summary.get("generation", -1) + 1, summary.get("generations")
    if not done or not total:
        done, left = summary.get("seconds"), summary.get("seconds_left")
        if done is None or left is None or done + left <= 0:
            return None
        total = done + left
    return min(max(float(done) / float(total), 0.0), 1.0)


def _quality(member: Mapping[str, Any]) -> float:
    """What the head of a front is sorted by: the validation score, or the score as long as there is none."""
    value = member.get("validation_score")
    value = member.get("score") if value is None else value
    return float(value) if value is not None and known(value) else -math.inf
