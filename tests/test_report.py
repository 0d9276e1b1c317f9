"""The report of a run: what it shows, what it leaves out and why, and that nothing in a run directory can run code."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from runs import copied, small_run

from evoneuro.cli import main
from evoneuro.evaluate import answers, evaluate
from evoneuro.evaluation import Cases
from evoneuro.genome import Genome, Genomes
from evoneuro.network import NO_LEAK, Network
from evoneuro.record import Run, _diversity
from evoneuro.report.chart import Axis, Chart, Line, extent, named, ticks
from evoneuro.report.charts import confusion_chart, front_charts
from evoneuro.report.gather import gather
from evoneuro.report.network_svg import first_steps, network_svg
from evoneuro.report.report_page import report_page
from evoneuro.report.watch import watch
from evoneuro.task import load_task

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
SECTIONS = ("winner", "front", "progress", "lineage", "work", "test", "failures", "record")


class Page(HTMLParser):
    """What a page is made of: elements, their ids and attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("iris"))


@pytest.fixture(scope="module")
def cartpole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("cartpole"), "cartpole", parameters={"max_steps": 60})


@pytest.fixture(scope="module")
def page(iris: Path) -> Page:
    return Page(report_page(gather([iris])))


# The page


def test_the_page_has_every_section_and_needs_no_network(iris: Path, page: Page) -> None:
    ids = page.values("id")
    assert set(SECTIONS) <= set(ids)
    assert max(Counter(ids).values()) == 1
    assert not [v for v in [*page.values("src"), *page.values("href")] if not v.startswith(("#", "data:"))]
    assert "Left out" not in page.text
    for text in ("Confusion matrix", "Robustness", "Hypervolume", "Diversity", "45 nm CMOS", "evoneuro verify"):
        assert text in page.text


def test_the_same_run_gives_the_same_page(iris: Path) -> None:
    text = report_page(gather([iris]))
    assert text == report_page(gather([iris]))
    assert len(text) < 5e6


def test_every_member_can_be_opened_from_every_chart_and_from_the_table(iris: Path, page: Page) -> None:
    names = [member.id for member in Run(iris).front]
    templates = [value for tag, name, value in page.attributes if (tag, name) == ("template", "data-net")]
    buttons = [value for tag, name, value in page.attributes if (tag, name) == ("button", "data-net")]
    dots = Counter(value for tag, name, value in page.attributes if (tag, name) == ("circle", "data-net"))
    assert templates == buttons == names
    assert dots == dict.fromkeys(names, 1)  # iris has two objectives, and so one pair


def test_every_chart_is_named_for_those_who_hear_it(page: Page) -> None:
    charts = page.values("data-chart")
    assert {"raster", "potentials", "confusion", "robustness", "best-score", "hypervolume", "diversity"} <= set(charts)
    assert page.elements.count("svg") > len(charts)
    assert all(page.values("aria-label"))


def test_an_episode_is_shown_beside_its_spikes(cartpole: Path) -> None:
    found = Page(report_page(gather([cartpole])))
    assert "Test episode of seed 0" in found.text
    assert [tag for tag, name, _ in found.attributes if name == "data-said"].count("div") >= 5
    assert "raster" in found.values("data-chart")


def test_several_runs_are_bands(iris: Path, tmp_path: Path) -> None:
    other = small_run(tmp_path, seed=2)
    facts = gather([iris, other])
    assert [history.seed for history in facts.histories] == [1, 2]
    text = report_page(facts)
    assert text.count('class="band c0"') >= 2
    assert "medians of 2 seeds" in text


def test_runs_of_a_folder_are_seeds_of_one_configuration(
    iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(iris, tmp_path / "runs" / "a")
    copied(iris, tmp_path / "runs" / "b", {"seed": 7})
    out = tmp_path / "x.html"
    assert main(["report", str(tmp_path / "runs"), "--out", str(out), "--no-task"]) == 0
    assert "medians of 2 seeds" in out.read_text(encoding="utf-8")
    copied(iris, tmp_path / "runs" / "c", {"parameters": {"window": 9}})
    capsys.readouterr()
    assert main(["report", str(tmp_path / "runs"), "--out", str(out)]) == 2
    assert "parameters.window 9" in capsys.readouterr().err


def test_a_run_without_a_closed_generation_has_a_page(iris: Path, tmp_path: Path) -> None:
    empty = copied(iris, tmp_path / "empty", None, "DELETE FROM generations", "DELETE FROM documents")
    found = Page(report_page(gather([empty])))
    assert "No generation is closed yet" in found.text
    assert "winner" not in found.values("id")


def test_failures_and_their_reasons(iris: Path, tmp_path: Path) -> None:
    failed = "UPDATE evaluations SET failure = CAST('it raised: too bad' AS BLOB) WHERE generation = 2 AND position < 4"
    facts = gather([copied(iris, tmp_path / "failed", None, failed)], execute=False)
    assert facts.failures == [("it raised: too bad", 4, 2)]
    assert "it raised: too bad" in report_page(facts)


def test_a_record_in_which_something_is_missing_is_told(
    iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, text in enumerate(('{"task": "iris"}', '{"seed": [1], "task": "iris", "budget": {"generations": 3}}')):
        run = copied(iris, tmp_path / str(number), None, f"UPDATE meta SET value = '{text}' WHERE key = 'config'")
        assert main(["report", str(run), "--out", str(tmp_path / "x.html")]) in (1, 2)
        error = capsys.readouterr().err
        assert error.startswith("evoneuro: error: ")
        assert error.count("\n") == 1
    assert not (tmp_path / "x.html").exists()


# Nothing in a run directory runs


def test_hostile_names_are_text(iris: Path, tmp_path: Path) -> None:
    reason = HOSTILE.replace("'", "''")
    hostile = copied(
        iris,
        tmp_path / "a<b>&'x",
        {"task": HOSTILE},
        f"UPDATE evaluations SET failure = CAST('{reason}' AS BLOB) WHERE generation = 1",
    )
    found = Page(report_page(gather([hostile])))
    assert found.elements.count("script") == 1
    assert "img" not in found.elements
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]
    assert HOSTILE in found.text


def test_a_hostile_network_is_text() -> None:
    network = Network(
        ids=[0, 1], threshold=[1, 1], leak=[NO_LEAK] * 2, refractory=[0, 0], pre=[0], post=[1], weight=[5], delay=[2],
        inputs=[0], outputs=[1], task={"name": HOSTILE}, provenance={"id": HOSTILE},
        encoder={"kind": "nowhere.py:Evil"},
    )  # fmt: skip
    found = Page(network._repr_svg_() or "")
    assert set(found.elements) == {"svg", "g", "title", "path", "polygon", "circle", "text", "rect"}
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]


def test_only_the_pages_own_script_is_allowed(page: Page) -> None:
    (policy,) = (v for v in page.values("content") if "default-src" in v)
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[\w+/=]+'", policy)


def test_a_task_in_a_file_runs_only_when_it_is_named(iris: Path, tmp_path: Path) -> None:
    marker, plugin = tmp_path / "ran", tmp_path / "theirs.py"
    plugin.write_text(
        f"from pathlib import Path\nfrom evoneuro_tasks.datasets import Iris\nPath({str(marker)!r}).touch()\n"
        "class Theirs(Iris):\n    name = 'theirs'\n"
    )
    name = f"{plugin}:Theirs"
    run = copied(iris, tmp_path / "run", {"task": name})
    facts = gather([run])
    assert facts.trial is None
    assert "--task" in facts.missing["trial"]
    assert not marker.exists()
    assert "Left out" in report_page(facts)
    assert gather([run], task=name).trial is not None
    assert marker.exists()


def test_a_parameter_that_names_code_is_not_called(iris: Path, tmp_path: Path) -> None:
    run = copied(iris, tmp_path / "run", {"parameters": {"data": "sklearn.datasets:load_wine"}})
    assert gather([run]).trial is None


def test_a_task_that_is_not_here_leaves_its_parts_out(iris: Path, tmp_path: Path) -> None:
    run = copied(iris, tmp_path / "run", {"task": "not-installed"})
    facts = gather([run])
    found = Page(report_page(facts))
    assert "not-installed" in facts.missing["trial"]
    assert found.text.count("Left out: ") == 2  # at work, and on unseen cases
    assert {"best-score", "hypervolume", "diversity"} <= set(found.values("data-chart"))


# The command


def test_the_command_writes_the_page_and_every_picture(
    cartpole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = tmp_path / "page.html", tmp_path / "pictures"
    arguments = ["report", str(cartpole), "--out", str(out), "--pictures", str(folder), "--format", "svg", "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["missing"] == {}
    assert document["files"][0] == str(out)
    names = {Path(path).stem for path in document["files"][1:]}
    assert {"network", "raster", "potentials", "moments", "best-score", "hypervolume", "diversity", "sizes"} <= names
    assert all(Path(path).read_text(encoding="utf-8").startswith("<?xml") for path in document["files"][1:])


def test_mistakes_are_told(iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["report", str(tmp_path)],
        ["report", str(iris), "--network", "bset"],
        ["report", str(iris), "--no-task", "--out", str(tmp_path / "x.html"), "--pictures", "p", "--format", "gif"],
    ):
        assert main(arguments) == 2
        assert capsys.readouterr().err.count("\n") <= 2
    assert not Path("p").exists()


# What is watched


def test_what_is_watched_is_what_was_evaluated(iris: Path) -> None:
    network, task, cases = Run(iris).front.best().network, load_task("iris"), Cases(1, "test")
    recording = watch(task, network, seed=1, limit=1000)
    (evaluation,) = evaluate(task, [network], cases)
    said, right = answers(task, network, cases)
    assert recording.spikes.sum(axis=0).tolist() == evaluation.spikes.tolist()
    assert len(recording.spikes) == recording.latency.sum() == evaluation.steps
    assert [moment.said for moment in recording.moments] == [task.classes[i] if i >= 0 else "none" for i in said]
    assert [moment.right for moment in recording.moments] == [task.classes[i] for i in right]


@pytest.mark.parametrize("name", ["cartpole-hardest", "pendulum", "double-pole", "mountain-car"])
def test_an_episode_is_watched_to_its_end(name: str) -> None:
    from evoneuro.check import probe

    task = load_task(name, {"max_steps": 25})
    network = probe(task)
    recording = watch(task, network, seed=3, limit=1000)
    (evaluation,) = evaluate(task, [network], Cases(3, "test", 0, 1))
    assert recording.spikes.sum(axis=0).tolist() == evaluation.spikes.tolist()
    assert len(recording.moments) == len(recording.latency) == evaluation.decisions
    assert recording.score == evaluation.score
    assert np.diff(recording.starts).tolist() == recording.latency.tolist()
    assert recording.moments[0].scene.shapes


def test_a_part_of_an_episode(cartpole: Path) -> None:
    task, network = load_task("cartpole", {"max_steps": 60}), Run(cartpole).front.best().network
    whole, part = watch(task, network), watch(task, network, limit=4)
    assert len(part.moments) == 4
    assert part.latency.tolist() == whole.latency.tolist()
    assert part.spikes.tolist() == whole.spikes[: len(part.spikes)].tolist()


# What the journal says


def genome(pairs: list[tuple[int, int]]) -> Genome:
    ids = np.array(sorted({0, 1, *(n for pair in pairs for n in pair)}), np.int64)
    place = {name: i for i, name in enumerate(ids.tolist())}
    zeros, ones = np.zeros(len(ids), np.int32), np.ones(len(pairs), np.int32)
    pre, post = np.array([[place[a], place[b]] for a, b in sorted(pairs)], np.int32).reshape(-1, 2).T.copy()
    return Genome(
        ids, zeros + 1, zeros - 1, zeros.copy(), pre, post, ones, ones.copy(), np.array([24, 0, 16], np.int32)
    )


@pytest.mark.parametrize(
    ("population", "diversity"),
    [
        ([[(0, 1)], [(0, 1)], [(0, 1)]], 0.0),
        ([[(0, 1)], [(0, 7)], [(0, 9)]], 1.0),
        ([[(0, 1), (0, 7)], [(0, 1), (0, 9)]], 0.5),
        ([[(0, 1)], [(0, 1), (7, 1)]], 1 / 3),
        ([[(0, 1)]], 0.0),
        ([[], []], 0.0),
    ],
)
def test_diversity_is_what_others_lack(population: list[list[tuple[int, int]]], diversity: float) -> None:
    assert _diversity(Genomes.of([genome(pairs) for pairs in population])) == pytest.approx(diversity)


def test_censuses_and_champions(iris: Path) -> None:
    run = Run(iris)
    censuses, champions = run.censuses(), run.champions()
    assert [census.generation for census in censuses] == [0, 1, 2]
    assert [census.evaluations for census in censuses] == [moment.evaluations for moment in run.history()]
    assert censuses[-1].evaluations == run.status()["evaluations"]
    assert [census.generation for census in run.censuses(2)] == [0, 2]
    assert all(0 <= census.diversity <= 1 for census in censuses)
    assert champions[-1].member.id == run.front.best().id
    known = [c.member.validation_score for c in champions[:-1]]
    assert known == sorted(known)


# Charts


def test_ticks_are_round_and_named() -> None:
    assert ticks(Axis("x"), (0.0, 1.0)) == [(0.0, "0.0"), *((i * 0.2, f"{i * 0.2:.1f}") for i in range(1, 6))]
    assert [name for _, name in ticks(Axis("x"), (0.0, 23_400.0))] == ["0", "5k", "10k", "15k", "20k"]
    assert [name for _, name in ticks(Axis("x", whole=True), (0.0, 3.0))] == ["0", "1", "2", "3"]
    assert named(-2.5, 0.5) == "\N{MINUS SIGN}2.5"
    chart = Chart("c", "C", Axis("x"), Axis("y", low=0.0), (Line(np.array([1.0, 1.0]), np.array([3.0, np.nan])),))
    (left, right), (low, high) = extent(chart)
    assert left < 1 < right
    assert low == 0 < 3 < high


def test_a_confusion_matrix_counts_answers_that_were_none() -> None:
    chart = confusion_chart(np.array([0, 1, 1, -1]), np.array([0, 1, 0, 1]), ["a", "b"])
    assert chart.layers[0].counts.tolist() == [[1, 1, 0], [0, 1, 1]]  # type: ignore[union-attr]


def test_every_pair_of_objectives_has_a_chart(iris: Path) -> None:
    members = Run(iris).front.to_document()["front"]
    drawn = front_charts(members, ["score", "synapses", "latency", "energy"], [], 0.9)
    assert len(drawn) == 6
    assert len({chart.name for chart in drawn}) == 6


# Networks


def test_a_network_as_svg_has_all_its_parts(iris: Path) -> None:
    network = Run(iris).front.best().network
    found = Page(network_svg(network, activity=np.ones(network.neurons)))
    classes = Counter(value.split()[0] for value in found.values("class"))
    assert classes["neuron"] == network.neurons
    assert classes["syn"] == network.synapses
    assert found.elements.count("title") == network.neurons + network.synapses


def test_first_steps_are_the_least_sum_of_delays() -> None:
    network = Network(
        ids=[0, 1, 2, 3], threshold=[1] * 4, leak=[NO_LEAK] * 4, refractory=[0] * 4, pre=[0, 0, 1], post=[1, 2, 2],
        weight=[1, 1, 1], delay=[2, 9, 3], inputs=[0], outputs=[2],
    )  # fmt: skip
    assert first_steps(network).tolist() == [0, 2, 5, -1]


def test_objects_show_themselves(iris: Path) -> None:
    from rich.console import Console

    run = Run(iris)
    assert "finished" in repr(run)
    assert f"{len(run.front)} networks" in repr(run.front)
    assert "<table>" in (run._repr_html_() or "")
    assert (run.front._repr_html_() or "").count("<tr>") == len(run.front) + 1
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(run)
    console.print(run.front)
    text = console.export_text()
    assert "best score" in text
    assert run.front.best().id in text
    assert "no run here" in repr(Run(iris / "nowhere"))
