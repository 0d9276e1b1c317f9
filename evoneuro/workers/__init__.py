"""Workers: who evaluates. One contract (`Pool`), two pools: in this process, and on Ray. Results never depend on which."""

from __future__ import annotations

from evoneuro.workers.pool import Pool, open_pool

__all__ = ["Pool", "open_pool"]
