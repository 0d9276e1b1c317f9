"""A run in TensorBoard: `evoneuro run TASK --callback tensorboard`, then `tensorboard --logdir results`.

The example of a callback: event files, below the run's directory, of what every generation found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evoneuro.callbacks import Callback
from evoneuro.errors import EvoNeuroError

FOLDER = "tensorboard"  # below the run's directory

SCALARS = {  # of a generation's summary -> where TensorBoard shows it
    "best_score": "front/best_score",
    "hypervolume": "front/hypervolume",
    "front_size": "front/members",
    "evaluations": "cost/evaluations",
    "evaluations_per_second": "cost/evaluations_per_second",
    "steps_per_second": "cost/network-steps_per_second",
    "failures": "cost/failures",
}


class TensorBoard(Callback):
    """Writes event files, a step for each generation.

    Raises:
        EvoNeuroError: the package tensorboardX is not here.
    """

    def __init__(self) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise EvoNeuroError(
                "callback 'tensorboard' needs the package tensorboardX: pip install 'evoneuro[tensorboard]'"
            ) from None
        self._make, self._writer = SummaryWriter, None

    def start(self, header: Mapping[str, Any]) -> None:
        """Open an event file in the run's directory."""
        self._writer = self._make(str(Path(str(header["run"])) / FOLDER))

    def generation(self, summary: Mapping[str, Any]) -> None:
        """Write the generation's figures, by the number of the generation."""
        assert self._writer is not None, "a run starts before its generations"
        step = int(summary["generation"])
        values = {tag: summary.get(key) for key, tag in SCALARS.items()}
        front = summary.get("front") or []
        known = [member for member in front if member["validation_score"] is not None]
        if known:
            best = max(known, key=lambda member: member["validation_score"])
            values["best_network/validation_score"] = best["validation_score"]
            values |= {f"best_network/{name}": best[name] for name in ("synapses", "latency", "energy")}
        for tag, value in values.items():
            if value is not None and math.isfinite(value):
                self._writer.add_scalar(tag, float(value), step)
        self._writer.flush()

    def finish(self) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
