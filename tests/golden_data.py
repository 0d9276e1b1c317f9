"""Where the shared golden data lies: `EVONEURO_GOLDEN`, else `shared/golden` in the checkout or beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
