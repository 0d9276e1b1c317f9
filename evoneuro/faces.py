"""How objects look in a notebook or on a terminal: they ask here, and what draws, layers above, has said so here.

`evoneuro/__init__.py` fills the table; each entry imports what draws when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FACES: dict[str, Callable[[Any], Any]] = {}  # "network svg" and the like -> what draws


def face(what: str, thing: Any) -> Any:
    """What `thing` looks like; None where nobody draws it."""
    return FACES[what](thing) if what in FACES else None
