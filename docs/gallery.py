"""The gallery: networks that evolution found, drawn by `evoneuro plot`, with what each does and the commands behind it.

`python docs/gallery.py` writes docs/gallery.md and a picture of each network into docs/gallery/.
`python docs/gallery.py --check` evaluates the networks again, and says which figures of the page are not theirs.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from evoneuro import load
from evoneuro.cli import main as evoneuro

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ("score", "latency", "energy")
HEAD = """# Gallery

Networks that evolution found, each drawn by `evoneuro plot`, with the command that evolved it and the one that judged
it. Inputs are on the left, outputs on the right. Blue synapses excite, orange ones inhibit. The number in a neuron is
its threshold, the one at a synapse its delay, after its weight where weights differ. A dashed neuron leaks; what is
pale has no part in it. Scores are from cases that evolution never saw.

This page is made by `python docs/gallery.py`; `python docs/gallery.py --check` evaluates everything on it again.
"""


@dataclass(frozen=True)
class Entry:
    """A network of the gallery.

    Attributes:
        file: the network, from the repository's root.
        title: of its part of the page.
        text: what there is to see.
        made: the command that evolved it.
        judged: options of `evoneuro evaluate` that the figures are from.
        figures: score, latency and energy, as that prints them.
        source: where more is said; a page of the repository.
    """

    file: str
    title: str
    text: str
    made: str
    judged: tuple[str, ...]
    figures: tuple[str, str, str]
    source: str | None = None

    @property
    def picture(self) -> Path:
        """Its picture, in docs/."""
        return Path("gallery") / f"{Path(self.file).parent.name}_{Path(self.file).stem}.svg"

    def markdown(self) -> str:
        """Its part of the page."""
        network = load(ROOT / self.file)
        inputs, outputs = len(network.inputs), len(network.outputs)
        sizes = f"{inputs} inputs, {network.hidden} hidden, {outputs} outputs, {network.synapses} synapses"
        said = ", ".join(f"{name} {figure}" for name, figure in zip(FIGURES, self.figures, strict=True))
        more = f" ([more](../{self.source}))" if self.source else ""
        return f"""## {self.title}

![{sizes}]({self.picture.as_posix()})

{self.text}{more}

{sizes}; window {network.window}; {said}.

```bash title="not run: evolving takes a while, and the files are in a checkout"
{self.made}
evoneuro evaluate {self.file} {" ".join(self.judged)}
evoneuro plot {self.file} --out {self.picture.name}
```
"""

    def measured(self) -> tuple[str, ...]:
        """The figures, evaluated again."""
        with redirect_stdout(StringIO()) as said:
            assert evoneuro(["evaluate", str(ROOT / self.file), *self.judged, "--json"]) == 0
        document = json.loads(said.getvalue())
        return tuple(f"{document[name]:,.5g}" for name in FIGURES)


ENTRIES = json.loads((Path(__file__).parent / "gallery" / "entries.json").read_text(encoding="utf-8"))


def entries() -> list[Entry]:
    """All of them, in the order of the page."""
    return [Entry(**{**entry, **{key: tuple(entry[key]) for key in ("judged", "figures")}}) for entry in ENTRIES]


def write() -> None:
    """Write the page and its pictures."""
    for entry in entries():
        with redirect_stdout(StringIO()):
            assert evoneuro(["plot", str(ROOT / entry.file), "--out", str(ROOT / "docs" / entry.picture)]) == 0
    page = "\n".join([HEAD, *(entry.markdown() for entry in entries())])
    (ROOT / "docs" / "gallery.md").write_text(page, encoding="utf-8")


def check() -> int:
    """Say which figures are not what `evaluate` gives; 1 if there are any."""
    wrong = 0
    for entry in entries():
        measured = entry.measured()
        if measured != entry.figures:
            print(f"{entry.file}: the page says {entry.figures}, it is {measured}")
            wrong = 1
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="evaluate all networks again")
    if parser.parse_args().check:
        sys.exit(check())
    write()
