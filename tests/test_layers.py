"""The structure: imports go downward, the two chains meet in run.py, and nothing unsafe is imported."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "evoneuro"

LAYERS = [
    [
        "errors",
        "deadline",
        "leftovers",
        "stopping",
        "keys",
        "ragged",
        "physics",
        "network",
        "networks",
        "network_file",
        "genome",
        "evaluation",
        "pareto",
        "documents",
        "sections",
        "plugins",
        "scene",
        "faces",
        "columns",
        "parcel",
    ],
    [
        "coding",
        "neuron",
        "simulator",
        "task",
        "samples",
        "tables",
        "classification",
        "regression",
        "spikes",
        "express",
        "draws",
        "edits",
        "limits",
        "mutations",
        "variation",
        "population",
        "archive",
        "events",
        "hardware",
    ],
    [
        "actions",
        "gym",
        "environments",
        "answers",
        "episodes",
        "evaluate",
        "robustness",
        "baseline",
        "linear",
        "objectives",
        "evolution",
        "archipelago",
        "eons",
        "check",
        "examine",
        "passes",
        "export",
    ],
    [
        "schema",
        "lineage",
        "database",
        "lock",
        "store",
        "config",
        "config_file",
        "presets",
        "workers",
        "front",
        "record",
        "callbacks",
        "measuring",
        "horizon",
        "patience",
        "run",
        "launch",
    ],
    ["report", "bench", "judge", "study", "new_task", "commands", "cli", "__main__"],
]
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}

EVOLUTION_CHAIN = {
    "genome",
    "pareto",
    "express",
    "draws",
    "edits",
    "limits",
    "mutations",
    "variation",
    "population",
    "archive",
    "evolution",
    "archipelago",
    "eons",
    "objectives",
}
EVALUATION_CHAIN = {
    "physics",
    "coding",
    "neuron",
    "simulator",
    "task",
    "samples",
    "tables",
    "classification",
    "regression",
    "spikes",
    "actions",
    "gym",
    "environments",
    "answers",
    "episodes",
    "evaluate",
    "robustness",
    "baseline",
    "examine",
    "workers",
}

UNSAFE = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml", "random"}

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part(path: Path) -> str:
    """The module or folder of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Dotted names of what a file imports; type-checking imports count, too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_imports(path: Path) -> set[str]:
    """Parts of the package that a file imports."""
    names = {name.split(".") for name in ()} or [name.split(".") for name in imports(path)]
    return {name[1] for name in names if name[0] == "evoneuro" and len(name) > 1} - {"__version__"}


def test_every_file_has_a_layer() -> None:
    assert {part(path) for path in FILES} == set(LAYER)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downward(path: Path) -> None:
    mine = LAYER[part(path)]
    above = {name for name in own_imports(path) if LAYER[name] > mine}
    assert not above


def test_no_circles() -> None:
    graph: dict[str, set[str]] = {}
    for path in FILES:
        if path.name == "network.py":
            continue  # Network.save imports network_file when it is called: a convenience of the face, no dependency
        graph.setdefault(part(path), set()).update(own_imports(path) - {part(path)})

    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a circle: {' -> '.join((*trail, name))}"
        if name not in done:
            for target in sorted(graph.get(name, ())):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_two_chains_do_not_know_each_other() -> None:
    for path in FILES:
        known = own_imports(path)
        if part(path) in EVALUATION_CHAIN:
            assert not known & EVOLUTION_CHAIN, path
        if part(path) in EVOLUTION_CHAIN:
            assert not known & EVALUATION_CHAIN, path


def test_the_chains_meet_where_they_should() -> None:
    meeting = {
        part(path) for path in FILES if own_imports(path) & EVOLUTION_CHAIN and own_imports(path) & EVALUATION_CHAIN
    }
    # launch prepares what run needs; check tries a task on a random genome's network; bench measures both, a study
    # scores what was evolved, linear makes genomes of what classifiers learn, commands hand arguments to both, and
    # measuring reads a user's objectives behind the fence that workers have for tasks
    assert meeting <= {"run", "launch", "check", "linear", "bench", "study", "commands", "measuring"}
    assert "run" in meeting


TASKS = sorted((PACKAGE.parent / "tasks").rglob("*.py"))


@pytest.mark.parametrize(
    "path", [*FILES, PACKAGE / "__init__.py", *TASKS], ids=lambda p: str(p.relative_to(PACKAGE.parent))
)
def test_nothing_unsafe(path: Path) -> None:
    names = imports(path)
    assert not {name.split(".")[0] for name in names} & UNSAFE
    assert not any(name.startswith("evoneuro_tasks") for name in names)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        text = ast.unparse(node.func)
        assert text not in ("eval", "exec", "compile", "__import__"), f"{path}:{node.lineno}"
        if text in ("np.load", "numpy.load", "np.save"):
            flags = {k.arg: ast.unparse(k.value) for k in node.keywords}
            assert flags.get("allow_pickle") == "False", f"{path}:{node.lineno}"
        if text.startswith(("np.random.", "numpy.random.")):
            own = text.split(".")[2] in ("Generator", "Philox", "SeedSequence") or (
                text.endswith(".RandomState") and node.args  # seeded: published data were made with it
            )
            assert own, f"{path}:{node.lineno}"


def test_ray_and_matplotlib_wait_until_they_are_needed() -> None:
    """They take a second or more to import; neither belongs to the start of `run --workers 0`. Torch is an extra."""
    for path in FILES:
        names = imports(path, top_level_only=True)
        assert not {name for name in names if name.startswith("evoneuro.judge.model")}, path
        if part(path) == "report" or path == PACKAGE / "judge" / "model.py":
            continue
        heavy = {name.split(".")[0] for name in names} & {"ray", "matplotlib", "sklearn", "torch", "neurobench"}
        assert not heavy, path
