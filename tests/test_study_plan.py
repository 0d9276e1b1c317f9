"""Plans of studies: what a TOML file says, and one clear line for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from evoneuro.errors import EvoNeuroError, FormatError, RunError
from evoneuro.study.held_out import check
from evoneuro.study.plan import Plan, parse_seeds, read

STUDY = """
task = "iris"
seeds = "3-5"
[search]
population = 20
objectives = ["score", "synapses"]
[variants.plain]
[variants.large]
search.population = 40
budget.generations = 7
[variants.windowed]
task.window = 16
[held_out]
episodes = 50
task.folds = 5
[solved]
score = 0.9
synapses = 12
"""


def plan(folder: Path, text: str = STUDY, **options: object) -> Plan:
    file = folder / "study.toml"
    file.write_text(text)
    return read(str(file), **{"out": str(folder / "out"), **options})  # type: ignore[arg-type]


def test_variants_are_the_base_with_their_own(tmp_path: Path) -> None:
    found = plan(tmp_path)
    plain, large, windowed = found.variants.values()
    assert list(found.variants) == ["plain", "large", "windowed"]
    assert (plain.search.population, large.search.population, windowed.search.population) == (20, 40, 20)
    assert large.search.objectives == plain.search.objectives == ("score", "synapses")
    assert large.budget.generations == 7
    assert windowed.parameters == {"window": 16}
    assert windowed.task == "iris"
    assert found.seeds == (3, 4, 5)
    assert found.runs()[:4] == [("plain", 3), ("large", 3), ("windowed", 3), ("plain", 4)]
    assert found.config("large", 4).seed == 4
    assert found.path("large", 4) == tmp_path / "out" / "large" / "seed4"
    assert (found.held_out.episodes, found.held_out.task) == (50, {"folds": 5})
    assert (found.solved.score, found.solved.validation, found.solved.synapses) == (0.9, None, 12)
    check(found)


def test_a_study_without_variants_is_one(tmp_path: Path) -> None:
    found = plan(tmp_path, 'task = "iris"\nseeds = 2\n')
    assert list(found.variants) == ["base"]
    assert found.seeds == (0, 1)


def test_a_variant_may_be_another_task(tmp_path: Path) -> None:
    text = 'seeds = [7]\n[variants.a]\ntask = "iris"\n[variants.b.task]\nname = "wine"\nwindow = 12\n'
    found = plan(tmp_path, text)
    assert [config.task for config in found.variants.values()] == ["iris", "wine"]
    assert found.variants["b"].parameters == {"window": 12}


def test_files_beside_the_study_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "from evoneuro import ClassificationTask\nclass Flowers(ClassificationTask):\n    name = 'f'\n"
    (tmp_path / "flowers.py").write_text(source)
    (tmp_path / "study.toml").write_text('seeds = 1\ntask = "flowers.py:Flowers"\n')
    monkeypatch.chdir(tmp_path)
    here = read("study.toml", out="out").variants["base"]
    assert here.task == f"{tmp_path / 'flowers.py'}:Flowers"
    monkeypatch.chdir(tmp_path.parent)
    assert read(f"{tmp_path.name}/study.toml", out="out").variants["base"] == here


def test_workers_and_what_runs_side_by_side(tmp_path: Path) -> None:
    found = plan(tmp_path, cores=3)
    assert found.parallel == 3
    assert {config.workers.count for config in found.variants.values()} == {0}
    found = plan(tmp_path, workers=2)
    assert found.parallel == 1
    assert {config.workers.count for config in found.variants.values()} == {2}
    assert plan(tmp_path, "parallel = 5\n" + STUDY, workers=2).parallel == 5


def test_seeds() -> None:
    assert parse_seeds("x", "3") == parse_seeds("x", 3) == (0, 1, 2)
    assert parse_seeds("x", "9-11") == (9, 10, 11)
    assert parse_seeds("x", [5, 1]) == (5, 1)
    for wrong in ("", "a", "5-3", "-1", 0, -2, True, 1.5, [], [1, 1], [-1], "0-99999", "4294967295-4294967296", None):
        with pytest.raises(EvoNeuroError, match="x: expected"):
            parse_seeds("x", wrong)


def test_where_it_goes(tmp_path: Path) -> None:
    folder = tmp_path / "04_name"
    folder.mkdir()
    assert plan(folder, out=None).out == Path("results/04_name")
    (folder / "quick.toml").write_text(STUDY)
    assert read(str(folder / "quick.toml")).out == Path("results/quick")


MISTAKES = [
    ("seeds = 2\nserach.population = 3", "unknown key serach. Did you mean 'search'?"),
    ('seeds = 2\nvariant.a.task = "iris"', "unknown key variant. Did you mean 'variants'?"),
    ('task = "iris"', "expected seeds"),
    ('task = "iris"\nseed = 3', "use seeds"),
    ('task = "iris"\nseeds = 2\nout = "x"', "use --out DIR"),
    ("seeds = 2", "expected the task's name"),
    ('task = "irsi"\nseeds = 2', "Did you mean 'iris'?"),
    ('task = "iris"\nseeds = 2\n[variants]', "is empty"),
    ('task = "iris"\nseeds = 2\nvariants = 3', "expected a section [variants]"),
    ('task = "iris"\nseeds = 2\nvariants.a = 3', "expected a section [variants.a]"),
    ('task = "iris"\nseeds = 2\n[variants."a/b"]', "letters, digits"),
    ('task = "iris"\nseeds = 2\n[variants.a]\nseeds = 3', "the whole study's"),
    ('task = "iris"\nseeds = 2\n[variants.a]\nsearch.populaton = 3', "Did you mean 'search.population'?"),
    ('task = "iris"\nseeds = 2\n[variants.a]\nsearch.population = 3', "variant 'a'"),
    ('task = "iris"\nseeds = 2\n[held_out]\nepisode = 3', "Did you mean 'held_out.episodes'?"),
    ('task = "iris"\nseeds = 2\n[held_out]\nepisodes = 0', "held_out.episodes"),
    ('task = "iris"\nseeds = 2\n[held_out]\ntask = "wine"', "[held_out.task]"),
    ('task = "iris"\nseeds = 2\n[held_out.task]\nfold_s = 3', "Did you mean 'folds'?"),
    ('task = "iris"\nseeds = 2\n[solved]\nscore = "high"', "solved.score"),
    ('task = "iris"\nseeds = 2\n[solved]\nsynapse = 3', "Did you mean 'solved.synapses'?"),
    ('task = "iris"\nseeds = 2\n[pictures]\nx = "synapse"', "Did you mean 'synapses'?"),
    ('task = "iris"\nseeds = 2\n[pictures]\nhypervolume = ["validated"]', "pictures.hypervolume"),
    ('task = "iris"\nseeds = 2\nparallel = 0', "parallel"),
    ("task =", "not TOML"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_mistakes_teach(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(EvoNeuroError) as error:
        check(plan(tmp_path, text))
    assert said in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "study.toml"))
    assert "\n" not in str(error.value)
    assert error.value.status == 2


def test_no_toml(tmp_path: Path) -> None:
    with pytest.raises(EvoNeuroError, match="cannot be read"):
        read(str(tmp_path / "none.toml"))
    with pytest.raises(EvoNeuroError, match="expected a study's TOML file"):
        read("iris")


def test_a_changed_configuration_is_refused(tmp_path: Path) -> None:
    plan(tmp_path).settle().close()
    plan(tmp_path, seeds="1-9", workers=3).settle().close()  # what decides no result may change
    with pytest.raises(EvoNeuroError, match=r"'large' ran with search.population = 40, and .* says 50"):
        plan(tmp_path, STUDY.replace("40", "50")).settle()
    with pytest.raises(EvoNeuroError, match=r"task.window = 16, and .* says 8"):
        plan(tmp_path, STUDY.replace("16", "8")).settle()
    fewer = STUDY.replace("[variants.large]\nsearch.population = 40\nbudget.generations = 7\n", "")
    plan(tmp_path, fewer).settle().close()
    with pytest.raises(EvoNeuroError, match="'large' ran with"):  # it is still known
        plan(tmp_path, STUDY.replace("40", "50")).settle()
    (tmp_path / "out" / "study.json").write_text("{")
    with pytest.raises(FormatError, match="damaged"):
        plan(tmp_path).settle()


def test_one_process_works_on_a_study(tmp_path: Path) -> None:
    with plan(tmp_path).settle(), pytest.raises(RunError, match="the study is in use by process"):
        plan(tmp_path).settle()
    plan(tmp_path).settle().close()
