"""The measures of a run's candidates: an objective of the user's own that fails costs the candidate that it fails on.

Such objectives are read in the driver, but as a task's code is run in workers: behind the same fence and deadline, and
who is to be charged with a failure has caused it three times while alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evoneuro.deadline import NoAnswer, deadline
from evoneuro.errors import PluginError
from evoneuro.evaluation import Evaluation
from evoneuro.networks import Networks
from evoneuro.objectives import Own, measure, plugged
from evoneuro.population import Measures
from evoneuro.stopping import Stop, is_stoppable
from evoneuro.workers.fence import fenced
from evoneuro.workers.worker import STRIKES


def measure_each(
    networks: Networks, evaluations: Sequence[Evaluation], own: Own, timeout: float
) -> tuple[Measures, dict[int, str]]:
    """The measures of all candidates, and why some of them have none: position -> reason. Those count as failed.

    Args:
        timeout: seconds after which an objective counts as hanging.
    """
    if not plugged(own):
        return measure(networks, evaluations, own), {}
    reason = ""
    for _ in range(STRIKES if len(networks) == 1 else 1):
        try:
            with fenced(), deadline(timeout):
                return measure(networks, evaluations, own), {}
        except NoAnswer:
            reason = f"no answer within {timeout:g} s from an objective"
        except PluginError as error:
            reason = " ".join(str(error).split())
        except BaseException as error:
            if isinstance(error, Stop if is_stoppable() else KeyboardInterrupt):
                raise
            reason = f"an objective raised {type(error).__name__}"
    if len(networks) == 1:
        return measure(networks, [replace(evaluations[0], score=math.nan)], own), {0: reason}
    parts = [measure_each(networks.take([i]), [evaluations[i]], own, timeout) for i in range(len(networks))]
    reasons = {i: failed[0] for i, (_, failed) in enumerate(parts) if failed}
    return np.concatenate([table for table, _ in parts]), reasons
