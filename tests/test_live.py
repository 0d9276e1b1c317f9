"""The displays of a run: the numbers are there, the pace is kept, and no stream can break a run."""

import io
import math
import os
import re
import sys

import pytest

from evoneuro.report.live import LiveDisplay, PlainDisplay, QuietDisplay, make_display
from evoneuro.report.numbers import count, duration, number, rate, sparkline
from evoneuro.report.tables import COLUMNS, front_table, print_front


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


class Broken(io.StringIO):
    """A stream whose reader is gone."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self):
        raise BrokenPipeError(32, "Broken pipe")


class BrokenTerminal(Broken):
    def isatty(self):
        return True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def member(name="7", **changes):
    return {
        "id": name,
        "score": 489.5,
        "validation_score": 487.25,
        "interval": [483.25, 491.25],
        "neurons": 11,
        "hidden": 1,
        "synapses": 16,
        "latency": 7.25,
        "energy": 62.7,
    } | changes


def summary(generation=1, **changes):
    return {
        "generation": generation,
        "generations": 40,
        "best_score": 487.25,
        "front_size": 14,
        "hypervolume": 0.8123,
        "evaluations": 12345,
        "evaluations_per_second": 56.2,
        "steps_per_second": 1.23e6,
        "failures": 3,
        "seconds": 65.0,
        "seconds_left": 200.0,
        "front": [member()],
        "workers": 2,
    } | changes


def lines_of(display, stream, generations, clock=None, pace=0.0):
    for generation in generations:
        if clock is not None:
            clock.now += pace
        display.generation(summary(generation))
    return stream.getvalue().splitlines()


# Plain lines


def test_a_plain_line_has_every_number_in_human_units():
    stream = io.StringIO()
    PlainDisplay(stream).generation(summary(2))
    (line,) = stream.getvalue().splitlines()
    for part in (
        "3/40 generations",
        "best 487.2",
        "front 14",
        "hypervolume 0.8123",
        "12,345 evaluations",
        "56 evaluations/s",
        "1.2 M steps/s",
        "3 failed",
        "1 min 05 s",
        "3 min 20 s left",
    ):
        assert part in line


def test_unknown_numbers_do_not_stop_a_line():
    stream = io.StringIO()
    PlainDisplay(stream).generation(
        {"generation": 2, "generations": None, "best_score": math.nan, "seconds_left": None}
    )
    (line,) = stream.getvalue().splitlines()
    assert "3 generations  best -" in line
    assert "left" not in line
    assert "nan" not in line


def test_lines_come_at_most_once_a_second():
    stream, clock = io.StringIO(), Clock()
    lines = lines_of(PlainDisplay(stream, clock), stream, range(11), clock, pace=0.25)
    assert [line.split()[0] for line in lines] == ["1/40", "5/40", "9/40"]


def test_the_first_and_the_last_line_always_come():
    stream, clock = io.StringIO(), Clock()
    lines = lines_of(PlainDisplay(stream, clock), stream, range(40), clock, pace=0.001)
    assert [line.split()[0] for line in lines] == ["1/40", "40/40"]


def test_finish_prints_the_line_that_was_held_back_and_only_once():
    stream, clock = io.StringIO(), Clock()
    display = PlainDisplay(stream, clock)
    lines_of(display, stream, range(5), clock, pace=0.001)
    display.finish()
    display.finish()
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["1/40", "5/40"]


def test_a_message_follows_the_generation_it_belongs_to():
    stream, clock = io.StringIO(), Clock()
    display = PlainDisplay(stream, clock)
    display.start({"task": "cart-pole", "seed": 1, "from": None})
    lines_of(display, stream, (0, 1), clock, pace=0.001)
    display.message("a worker was restarted")
    header, first, second, message = stream.getvalue().splitlines()
    assert header == "evoneuro: task cart-pole · seed 1"
    assert ("1/40" in first, "2/40" in second, message) == (True, True, "a worker was restarted")


def test_each_plain_line_is_flushed():
    flushed = []

    class Stream(io.StringIO):
        def flush(self):
            flushed.append(self.getvalue())

    stream = Stream()
    PlainDisplay(stream).generation(summary())
    assert flushed[-1] == stream.getvalue() != ""


# Streams that break


@pytest.mark.parametrize("make", [PlainDisplay, LiveDisplay])
@pytest.mark.parametrize("kind", ["broken", "closed"])
def test_a_stream_that_cannot_be_written_stops_nobody(make, kind):
    stream = BrokenTerminal()
    if kind == "closed":
        stream = Terminal()
        stream.close()
    display = make(stream)
    display.start({"task": "cart-pole"})
    display.generation(summary())
    display.message("still here")
    display.finish()


def test_a_real_pipe_without_a_reader_stops_nobody():
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1) as stream:
        display = make_display(quiet=False, stream=stream)
        assert isinstance(display, PlainDisplay)
        display.start({"task": "cart-pole"})
        for generation in (0, 39):
            display.generation(summary(generation))
        display.finish()
        with pytest.raises(BrokenPipeError):
            stream.write("x\n")  # the pipe is indeed broken
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_an_old_encoding_gets_plain_characters():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    display = PlainDisplay(stream)
    display.start({"task": "cart-pole", "seed": 1})
    display.generation(summary())
    print_front([member()], stream)
    text = raw.getvalue().decode("ascii")
    assert "task cart-pole - seed 1" in text
    assert "2/40 generations" in text
    assert "487.2 +- 4.0" in text


# Which display


def test_the_stream_chooses_the_display(monkeypatch):
    assert isinstance(make_display(quiet=False, stream=Terminal()), LiveDisplay)
    assert isinstance(make_display(quiet=False, stream=io.StringIO()), PlainDisplay)
    assert isinstance(make_display(quiet=True, stream=Terminal()), QuietDisplay)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_display(quiet=False, stream=Terminal()), PlainDisplay)


def test_without_a_stream_it_is_standard_error(capsys, monkeypatch):
    display = make_display(quiet=False)
    display.generation(summary())
    captured = capsys.readouterr()
    assert (captured.out, "best 487.2" in captured.err) == ("", True)
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(make_display(quiet=False), QuietDisplay)


def test_quiet_shows_nothing(capsys):
    display = make_display(quiet=True)
    display.start({"task": "cart-pole"})
    display.generation(summary())
    display.message("x")
    display.finish()
    assert capsys.readouterr() == ("", "")


# The live display


def live(*summaries):
    stream, clock = Terminal(), Clock()
    display = LiveDisplay(stream, clock)
    display.start({"task": "cart-pole", "seed": 1})
    for one in summaries:
        display.generation(one)
    return display, stream, clock


def shown(display):
    console = display._console
    with console.capture() as captured:
        console.print(display.render())
    return captured.get()


def test_the_live_display_shows_numbers_sparklines_and_the_head_of_the_front():
    front = [member(str(i), validation_score=400.0 + i) for i in range(12)]
    display, _, _ = live(summary(0, best_score=100.0), summary(1, front=front))
    text = shown(display)
    display.finish()
    for part in ("task cart-pole · seed 1", "2/40", "487.2", "0.8123", "56", "1.2 M", "1 min 05 s", "3 min 20 s", "▁█"):
        assert part in text
    rows = [line.split()[0] for line in text.splitlines() if "400" in line or "±" in line]
    assert rows == ["11", "10", "9", "8", "7", "6", "5", "4"]


@pytest.mark.parametrize(
    ("workers", "alive", "told"),
    [(2, 2, "workers alive 2"), (4, 3, "workers alive 3 of 4"), (0, 0, "workers alive none")],
)
def test_workers_that_are_missing_are_told(workers, alive, told):
    one = summary(workers=workers, workers_alive=alive)
    display, _, _ = live(one)
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", shown(display)).split())
    display.finish()
    assert told in text
    stream = io.StringIO()
    PlainDisplay(stream).generation(one)
    assert ("3 of 4 workers" in stream.getvalue()) == (alive == 3)


def test_the_clock_runs_between_generations():
    display, _, clock = live(summary())
    clock.now = 30.0
    text = shown(display)
    assert ("1 min 35 s" in text, "2 min 50 s" in text) == (True, True)
    clock.now = 1000.0
    late = shown(display).split("time left")[1]
    assert re.sub(r"\x1b\[[0-9;]*m", "", late).split()[:2] == ["0", "s"]  # never below zero
    display.finish()


def test_the_live_display_needs_no_front_and_no_end():
    display, stream, _ = live(summary(generations=None, seconds_left=None, front=[]))
    text = shown(display)
    display.finish()
    assert "validation" not in text
    assert "\x1b[" in stream.getvalue()  # it is a terminal


def test_a_message_is_printed_as_it_is():
    display, stream, _ = live(summary())
    display.message("[bold] is no markup")
    display.finish()
    display.finish()
    assert "[bold] is no markup" in stream.getvalue()


def test_finish_without_start_is_fine_and_standard_error_comes_back():
    before = sys.stderr
    LiveDisplay(Terminal()).finish()
    display = LiveDisplay()
    display.start({})
    display.finish()
    assert sys.stderr is before


# Fronts


def test_the_table_has_every_column_right_aligned():
    table = front_table([member()])
    assert tuple(column.header for column in table.columns) == COLUMNS
    assert {column.justify for column in table.columns} == {"right"}
    assert [str(next(iter(column.cells))) for column in table.columns] == [
        "7",
        "489.5",
        "487.2 ± 4.0",
        "11",
        "1",
        "16",
        "7.250",
        "62.70",
    ]


def test_a_column_has_the_same_decimals_throughout():
    table = front_table([member("1", score=500.0, energy=3), member("2", score=99.123, energy=14474.4)])
    cells = {column.header: [str(cell) for cell in column.cells] for column in table.columns}
    assert cells["score"] == ["500.0", "99.1"]
    assert cells["energy"] == ["3", "14474"]


def test_what_is_not_known_is_a_dash():
    table = front_table([member(validation_score=None, latency=math.nan), member(interval=None)])
    cells = {column.header: [str(cell) for cell in column.cells] for column in table.columns}
    assert cells["validation"] == ["-", "487.2"]
    assert cells["latency"] == ["-", "7.250"]


def test_a_front_is_printed_whole_and_without_codes_when_there_is_no_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    stream = io.StringIO()
    print_front([member("a-rather-long-member-name-" * 4), member("8")], stream)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "…" not in text
    header, _, first, second = text.splitlines()
    assert header.split() == list(COLUMNS)
    assert first.split()[0] == "a-rather-long-member-name-" * 4
    assert second.split() == ["8", "489.5", "487.2", "±", "4.0", "11", "1", "16", "7.250", "62.70"]
    assert len(first) == len(second) > 100


def test_a_front_on_a_terminal_is_not_cut_either(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    print_front([member()], stream)
    assert "\x1b[" in stream.getvalue()
    assert "62.70" in stream.getvalue()


def test_results_that_cannot_be_written_are_an_error():
    with pytest.raises(BrokenPipeError):
        print_front([member()], Broken())


def test_an_empty_front_is_a_header():
    stream = io.StringIO()
    print_front([], stream)
    assert stream.getvalue().split()[: len(COLUMNS)] == list(COLUMNS)


# Units


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (4.24, "4.2 s"),
        (9.97, "10 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (3600 * 76, "3 d 4 h"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.0"),
        (0.44, "0.4"),
        (9.96, "10"),
        (56.2, "56"),
        (9812, "9,812"),
        (9999.6, "10.0 k"),
        (12345, "12.3 k"),
        (999_960, "1.0 M"),
        (1.23e6, "1.2 M"),
        (3.4e9, "3.4 G"),
        (None, "-"),
        (math.inf, "-"),
    ],
)
def test_rate(value, text):
    assert rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97333, "0.9733"),
        (487.25, "487.2"),
        (-110.5, "-110.5"),
        (14474.4, "14474"),
        (500.0, "500"),
        (None, "-"),
        (0, "0"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def test_count():
    assert (count(1234567), count(None)) == ("1,234,567", "-")


def test_a_sparkline_goes_from_lowest_to_highest_and_has_a_width():
    assert sparkline([1.0, 2.0, 8.0]) == "▁▂█"
    assert sparkline([3.0, 3.0]) == "▁▁"
    long = sparkline([float(i) for i in range(1000)], width=20)
    assert (len(long), long[0], long[-1]) == (20, "▁", "█")
