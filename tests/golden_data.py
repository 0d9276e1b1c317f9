"""Where the shared golden data lies: `EVONEURO_GOLDEN`, else `shared/golden` in the checkout or beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evoneuro import Network

_CHECKOUT = Path(__file__).resolve().parents[1]
_PLACES = (
    [Path(os.environ["EVONEURO_GOLDEN"])]
    if "EVONEURO_GOLDEN" in os.environ
    else [_CHECKOUT / "shared" / "golden", _CHECKOUT.parent / "shared" / "golden"]
)

GOLDEN: Path | None = next((place for place in _PLACES if place.is_dir()), None)

needs_golden = pytest.mark.skipif(
    GOLDEN is None, reason="no golden data: set EVONEURO_GOLDEN, or put shared/golden beside the checkout"
)


def golden_files(pattern: str) -> list[Path]:
    """Files of the golden data, such as `risp/*.json`, by name; none where there is no golden data."""
    return sorted(GOLDEN.glob(pattern)) if GOLDEN else []


def hardware_network(path: Path) -> Network:
    """A network of `hardware/`: its input lines become input neurons in front, a step away."""
    document = json.loads(path.read_text())
    inputs, neurons = document["n_in"], document["neurons"]
    shifts = {"none": -1, "full": 0}
    leak = [n["leak"][1] if n["leak"][0] == "shift" else shifts[n["leak"][0]] for n in neurons]
    synapses = [(a + inputs, b + inputs, w, d) for a, b, w, d in document["syn"]]
    pre, post, weight, delay = zip(*synapses, *((a, b + inputs, w, 1) for a, b, w in document["inp"]), strict=True)
    return Network(
        ids=range(inputs + len(neurons)), threshold=[1] * inputs + [n["thr"] for n in neurons],
        leak=[0] * inputs + leak, refractory=[0] * inputs + [n["refr"] for n in neurons], pre=pre, post=post,
        weight=weight, delay=delay, inputs=range(inputs), outputs=[inputs], v_min=-(2**30),
    )  # type: ignore[arg-type]  # fmt: skip
