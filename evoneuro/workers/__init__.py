"""Workers: who evaluates. One contract (`Pool`), two pools (in this process, on Ray), and the same results."""

from __future__ import annotations

from evoneuro.workers.pool import Pool, open_pool

__all__ = ["Pool", "open_pool"]
