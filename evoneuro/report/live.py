"""What a run shows while it works, and a front as a table.

A display is best effort: it never stops a run, so a closed terminal or a broken pipe only makes it silent. A terminal
gets a picture that renews itself, everything else (log files, CI, pipes) gets lines.
"""

from __future__ import annotations

import io
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

NOTHING = "-"  # in place of a number that is not known
SHOWN = 8  # members of the front in the live display
CELLS = 3  # numbers beside each other, so that they fit 80 columns
SPARKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 48  # characters
BAR_WIDTH = 62
WIDE = 1000  # columns; a table that is printed is never cut to the terminal's width

COLUMNS = ("id", "score", "validation", "neurons", "hidden", "synapses", "latency", "energy")

_ASCII = str.maketrans({"±": "+-", "·": "-", "…": "...", "█": "#", "━": "-", "─": "-", "╸": "-", "╺": "-"})


class Display(Protocol):
    """What a run reports to."""

    def start(self, header: Mapping[str, Any]) -> None:
        """Begin. `header` says what runs: task, seed, workers, run directory and the like, in the order to show."""

    def generation(self, summary: Mapping[str, Any]) -> None:
        """One generation is done.

        Args:
            summary: generation, generations (in all, or None), best_score, front_size, hypervolume, evaluations,
                evaluations_per_second, steps_per_second (network-steps), failures, seconds, seconds_left (or None),
                workers, and front, members as `front_table` takes them. What is missing is shown as unknown.
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
    if _is_terminal(stream) and os.environ.get("TERM", "").lower() not in ("dumb", "unknown"):
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
        self._out = _BestEffort(sys.stderr if stream is None else stream)
        self._clock = clock
        self._last = -math.inf
        self._held: Mapping[str, Any] | None = None

    def start(self, header: Mapping[str, Any]) -> None:
        """A line with the header."""
        self._print("evoneuro: " + header_line(header))

    def generation(self, summary: Mapping[str, Any]) -> None:
        """A line, now if one is due, else perhaps in `finish`."""
        now = self._clock()
        last = summary.get("generation") is not None and summary.get("generation") == summary.get("generations")
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
        self._console = Console(file=_BestEffort(stream), highlight=False)  # type: ignore[arg-type]
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
            if _known(summary.get(key)):
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
            ("generation", _generation(summary)),
            ("best score", number(summary.get("best_score"))),
            ("front", number(summary.get("front_size"))),
            ("hypervolume", number(summary.get("hypervolume"))),
            ("evaluations/s", rate(summary.get("evaluations_per_second"))),
            ("network-steps/s", rate(summary.get("steps_per_second"))),
            ("elapsed", duration(summary["seconds"] + passed) if _known(summary.get("seconds")) else NOTHING),
            ("time left", duration(max(left - passed, 0.0)) if left is not None and _known(left) else NOTHING),
            ("evaluations", count(summary.get("evaluations"))),
            ("failures", Text(count(failures), style="yellow" if failures else "")),
            ("workers", number(summary.get("workers"))),
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


# Fronts


def front_table(members: Sequence[Mapping[str, Any]]) -> Table:
    """Members as a table, one a row, in the order given; in every column the same number of decimals.

    Args:
        members: with id, score, validation_score (or None), neurons, hidden, synapses, latency and energy, and perhaps
            `interval`, [low, high] of the validation score, which is shown as plus or minus half of its width. Other
            keys, objectives of a run's own, get a column each.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    known = {*COLUMNS, "validation_score", "interval"}
    names = [*COLUMNS, *dict.fromkeys(key for member in members for key in member if key not in known)]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    columns = [[str(member.get("id", NOTHING)) for member in members]]
    columns += [_same_decimals([member.get(name) for member in members]) for name in names[1:]]
    columns[2] = _validations(members)
    for row in zip(*columns, strict=True):
        table.add_row(*(Text(cell) for cell in row))
    return table


def print_front(members: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """Print `front_table` to `stream`, as `print_table`."""
    print_table(front_table(members), stream)


def print_robustness(reports: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """Print `robustness_table` to `stream`, as `print_table`."""
    print_table(robustness_table(reports), stream)


def robustness_table(reports: Sequence[Mapping[str, Any]]) -> Table:
    """Reports of `evoneuro.robustness`, with an `id` each, one a row: of each kind the mean, then the worst.

    All scores have the same number of decimals.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    kinds = [key for key, value in reports[0].items() if isinstance(value, Mapping)] if reports else []
    for name in ("id", "score", "robustness", *(name for kind in kinds for name in (kind.replace("_", " "), "worst"))):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [
        [report["score"], report["robustness"], *(report[kind][part] for kind in kinds for part in ("mean", "worst"))]
        for report in reports
    ]
    decimals = _decimals([value for row in rows for value in row])
    for report, row in zip(reports, rows, strict=True):
        table.add_row(str(report["id"]), *(_fixed(value, decimals) for value in row))
    return table


def print_table(table: Table, stream: TextIO) -> None:
    """Print `table` to `stream`: whole, however narrow the terminal, and with colours only on a terminal.

    Raises:
        OSError: the stream cannot be written; these are results, so nobody should miss them silently.
    """
    # Not to the stream itself, because rich ends the program when it finds a pipe broken.
    text = io.StringIO()
    Console(file=text, width=WIDE, highlight=False, force_terminal=_is_terminal(stream) or None).print(table)
    lines = (line.rstrip() for line in text.getvalue().splitlines())
    stream.write(_encodable("\n".join(lines) + "\n", stream))


def _validations(members: Sequence[Mapping[str, Any]]) -> list[str]:
    halves = [_half_width(member.get("interval")) for member in members]
    values = [member.get("validation_score") for member in members]
    decimals = _decimals([*values, *halves])
    cells = []
    for value, half in zip(values, halves, strict=True):
        cell = _fixed(value, decimals)
        cells.append(f"{cell} ± {_fixed(half, decimals)}" if half is not None and cell != NOTHING else cell)
    return cells


def _half_width(interval: Any) -> float | None:
    if interval is None or not all(_known(end) for end in interval):
        return None
    return (float(interval[1]) - float(interval[0])) / 2


def _same_decimals(values: Sequence[Any]) -> list[str]:
    decimals = _decimals(values)
    return [_fixed(value, decimals) for value in values]


def _decimals(values: Iterable[Any]) -> int:
    """Decimals that give the largest value four significant digits; 0 when all values are whole."""
    sizes = [abs(float(value)) for value in values if _known(value)]
    if all(size == int(size) for size in sizes):
        return 0
    return min(max(3 - math.floor(math.log10(max(sizes))), 0), 4)


def _fixed(value: Any, decimals: int) -> str:
    return f"{float(value):.{decimals}f}" if _known(value) else NOTHING


def _quality(member: Mapping[str, Any]) -> float:
    """What the head of a front is sorted by: the validation score, or the score as long as there is none."""
    value = member.get("validation_score")
    value = member.get("score") if value is None else value
    return float(value) if value is not None and _known(value) else -math.inf


# Words and numbers


def header_line(header: Mapping[str, Any]) -> str:
    """`task cart-pole · seed 1 · workers 2`."""
    return " · ".join(f"{key} {value}" for key, value in header.items() if value is not None)


def summary_line(summary: Mapping[str, Any]) -> str:
    """A generation in one line; rates and times in human units."""
    parts = [
        f"generation {_generation(summary)}",
        f"best {number(summary.get('best_score'))}",
        f"front {number(summary.get('front_size'))}",
        f"hypervolume {number(summary.get('hypervolume'))}",
        f"{count(summary.get('evaluations'))} evaluations",
        f"{rate(summary.get('evaluations_per_second'))} evaluations/s",
        f"{rate(summary.get('steps_per_second'))} steps/s",
    ]
    if summary.get("failures"):
        parts.append(f"{count(summary['failures'])} failed")
    if _known(summary.get("seconds")):
        parts.append(duration(summary["seconds"]))
    if _known(summary.get("seconds_left")):
        parts.append(f"{duration(summary['seconds_left'])} left")
    return "  ".join(parts)


def number(value: Any) -> str:
    """Four significant digits, a whole number in full: `0.9733`, `487.2`, `14474`."""
    if not _known(value):
        return NOTHING
    return _fixed(value, _decimals([value]))


def count(value: Any) -> str:
    """A whole number in full: `1,234,567`."""
    return f"{value:,.0f}" if _known(value) else NOTHING


def rate(value: Any) -> str:
    """Something per second, to three digits or so: `0.4`, `56`, `9,812`, `12.3 k`, `1.2 M`, `3.4 G`."""
    if not _known(value):
        return NOTHING
    for scale, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.99995 * scale and value >= 9999.5:
            return f"{value / scale:.1f}{unit}"
    return f"{value:,.1f}" if value < 9.95 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """`0 s`, `4.2 s`, `40 s`, `3 min 20 s`, `2 h 05 min`, `3 d 4 h`."""
    if 0.05 <= seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def sparkline(values: Sequence[float], width: int = SPARK_WIDTH) -> str:
    """Values as a row of blocks, from the lowest to the highest; a long history is thinned out to `width` values."""
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    low, high = min(values), max(values)
    if high == low:
        return SPARKS[0] * len(values)
    return "".join(SPARKS[round((value - low) / (high - low) * (len(SPARKS) - 1))] for value in values)


def _generation(summary: Mapping[str, Any]) -> str:
    done, total = summary.get("generation"), summary.get("generations")
    return number(done) if total is None else f"{number(done)}/{number(total)}"


def _share(summary: Mapping[str, Any]) -> float | None:
    """How much of the run is done, 0 to 1: by generations, else by time; None if neither is known."""
    done, total = summary.get("generation"), summary.get("generations")
    if done is None or not total:
        done, left = summary.get("seconds"), summary.get("seconds_left")
        if done is None or left is None or done + left <= 0:
            return None
        total = done + left
    return min(max(float(done) / float(total), 0.0), 1.0)


def _known(value: Any) -> bool:
    return value is not None and math.isfinite(value)


# Streams


class _BestEffort:
    """A stream that falls silent when it can no longer be written to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._broken = False

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return _is_terminal(self._stream)

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        if not self._broken:
            try:
                self._stream.write(_encodable(text, self._stream))
            except (OSError, ValueError):
                self._broken = True
        return len(text)

    def flush(self) -> None:
        if not self._broken:
            try:
                self._stream.flush()
            except (OSError, ValueError):
                self._broken = True


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, OSError, ValueError):
        return False


def _encodable(text: str, stream: TextIO) -> str:
    """The text, with plain characters where the stream's encoding has no others."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    except LookupError:
        return text.translate(_ASCII)
    return text
