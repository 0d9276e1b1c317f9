"""The processor's parameters in a TENNLab document: what they mean, and RISP's documented settings for a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evoneuro.errors import FormatError, check_choice
from evoneuro.export.tennlab_checks import check_keys, expect, expect_number, expect_whole
from evoneuro.network import NO_CEILING, NO_FLOOR, NO_LEAK, Network

_REQUIRED = ("discrete", "min_threshold", "max_threshold", "min_potential", "max_delay")
_OPTIONAL = (
    "min_weight",
    "max_weight",
    "weights",
    "inputs_from_weights",
    "spike_value_factor",
    "leak_mode",
    "threshold_inclusive",
    "run_time_inclusive",
    "fire_like_ravens",
    "stds",
    "noisy_stddev",
    "noisy_seed",
    "log",
)
_FLAGS = ("discrete", "threshold_inclusive", "run_time_inclusive", "fire_like_ravens", "inputs_from_weights")
_LEAK_MODES = ("none", "all", "configurable")
_CASPIAN_PARAMETERS = ("Leak_Enable", "Max_Leak", "Max_Axon_Delay", "Max_Synapse_Delay")
_OTHER_PROCESSORS = {
    "caspian": "its neurons fire above the threshold, not at it, and their potential decays exponentially",
    "vrisp": "its charges wrap at 8 bits, and a threshold <= 0 fires in every step",
}

# (n, signed) of the documented settings RISP-n (signed weights) and RISP-n+ (positive weights, floor 0), from
# small to large.
_PRESETS = ((1, False), (1, True), (7, True), (15, False), (15, True), (127, True), (255, False))


@dataclass(frozen=True)
class Risp:
    """What of RISP's parameters decides behaviour.

    Attributes:
        inclusive: fire at the threshold; else one above it.
        floor: min_potential.
        leak_mode: "none", "all" or "configurable".
        charge: what a full input spike adds.
        weights: the list that edges point into, or None when they carry weights themselves.
    """

    inclusive: bool
    floor: int
    leak_mode: str
    charge: int
    weights: tuple[int, ...] | None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Risp:
        """Check RISP's parameters as RISP does, after names that it had before are migrated.

        Raises:
            FormatError: a parameter is missing, unknown, of the wrong kind, or has no exact counterpart.
        """
        params = _migrated(given)
        check_keys("proc_params", params, _REQUIRED, _OPTIONAL)
        for name in (name for name in _FLAGS if name in params):
            expect(f"proc_params: {name}", params[name], bool)
        _refuse_inexact(params)
        if expect_whole("proc_params: max_delay", params["max_delay"]) < 1:
            raise FormatError(f"proc_params: max_delay is {params['max_delay']}, expected at least 1")
        for name in ("min_threshold", "max_threshold", "min_weight", "max_weight"):
            if name in params:
                (expect_whole if params["discrete"] else expect_number)(f"proc_params: {name}", params[name])
        floor = expect_whole("proc_params: min_potential", params["min_potential"])
        if not NO_FLOOR <= floor <= 0:
            raise FormatError(f"proc_params: min_potential is {floor}, expected {NO_FLOOR} to 0")
        weights = _weight_list(params)
        return cls(
            inclusive=params.get("threshold_inclusive", True),
            floor=floor,
            leak_mode=check_choice("proc_params: leak_mode", params.get("leak_mode", "none"), _LEAK_MODES),
            charge=_full_charge(params, weights),
            weights=weights,
        )


def processor_parameters(data: dict[str, Any]) -> dict[str, Any]:
    """RISP's parameters, from `proc_params` or from where files before 2024 have them (`processor`)."""
    other = expect("Associated_Data: other", data.get("other", {}), dict)
    legacy = data.get("processor")
    if "proc_name" in other:
        name = other["proc_name"]
    elif isinstance(legacy, dict):
        name = "caspian" if any(key in legacy for key in _CASPIAN_PARAMETERS) else "risp"
    elif legacy is not None:
        name = legacy
    else:
        raise FormatError("Associated_Data names no processor; expected other.proc_name 'risp'")
    if name != "risp":
        reason = _OTHER_PROCESSORS.get(str(name), "its neurons are not RISP's")
        raise FormatError(f"a network for the processor {name!r} cannot be exact here: {reason}")
    if "proc_params" not in data and isinstance(legacy, dict):
        return legacy
    if "proc_params" not in data:
        raise FormatError("Associated_Data: 'proc_params' is missing; RISP's parameters decide what the values mean")
    parameters: dict[str, Any] = expect("Associated_Data: proc_params", data["proc_params"], dict)
    return parameters


def leak_mode_of(network: Network) -> str:
    """RISP's leak_mode: "none", "all", or "configurable" if only some neurons leak."""
    leaky = network.leak != NO_LEAK
    if not leaky.any():
        return "none"
    return "all" if leaky.all() else "configurable"


def ranges_of(network: Network) -> dict[str, int]:
    """Ranges of the smallest documented RISP setting that holds every value, else the exact ones.

    RISP-n: weights -n..n, thresholds 0..n, floor -n. RISP-n+: weights and thresholds 1..n, floor 0. Delays up to
    max(n, 15). The floor is not a range; it only tells a RISP-n+ network.
    """
    exact = {"max_delay": int(network.delay.max(initial=1))}
    for name, values in (("weight", network.weight.tolist()), ("threshold", network.threshold.tolist())):
        exact |= {f"min_{name}": min(values, default=1), f"max_{name}": max(values, default=1)}
    for n, signed in _PRESETS:
        low = {"min_weight": -n, "min_threshold": 0} if signed else {"min_weight": 1, "min_threshold": 1}
        high = {"max_weight": n, "max_threshold": n, "max_delay": max(n, 15)}
        holds = all(exact[k] >= v for k, v in low.items()) and all(exact[k] <= v for k, v in high.items())
        if holds and (signed or network.v_min == 0):
            return low | high
    return exact


def _migrated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters under the names that RISP has had since August 2024.

    Before, `non_negative_charge` false meant that there was no floor, and lists of weights and of deviations had a
    flag of their own.
    """
    params = dict(given)
    flags = {}
    for name in ("non_negative_charge", "specific_weights", "noisy_weights"):
        if name in params:
            flags[name] = expect(f"proc_params: {name}", params.pop(name), bool)
    if isinstance(params.get("leak_mode"), bool):
        params["leak_mode"] = "all" if params["leak_mode"] else "none"
    if "non_negative_charge" in flags:
        params.setdefault("min_potential", 0 if flags["non_negative_charge"] else NO_FLOOR)
    if "input_scaling_value" in params:
        params.setdefault("spike_value_factor", params.pop("input_scaling_value"))
        params.pop("input_scaling_value", None)
    if "specific_weights" in flags:
        for name in ("min_weight", "max_weight") if flags["specific_weights"] else ("weights", "inputs_from_weights"):
            params.pop(name, None)
    if flags.get("noisy_weights") is False:
        params.pop("stds", None)
    return params


def _refuse_inexact(params: Mapping[str, Any]) -> None:
    if params.get("fire_like_ravens", False):
        raise FormatError("proc_params: fire_like_ravens is true; a neuron here fires in the step in which it crosses")
    if params.get("stds") or params.get("noisy_stddev"):
        raise FormatError("proc_params: stds or noisy_stddev is set; here weights have no noise")


def _weight_list(params: Mapping[str, Any]) -> tuple[int, ...] | None:
    weights = expect("proc_params: weights", params.get("weights", []), list)
    ranges, list_only = ["min_weight", "max_weight"], ["inputs_from_weights"]
    required, illegal = (list_only, ranges) if weights else (ranges, list_only)
    for name in required:
        if name not in params:
            raise FormatError(f"proc_params: {name!r} is missing")
    for name in illegal:
        if name in params:
            raise FormatError(f"proc_params: {name!r} does not go {'with' if weights else 'without'} 'weights'")
    whole = tuple(expect_whole(f"proc_params: weights[{i}]", weight) for i, weight in enumerate(weights))
    if list(whole) != sorted(whole):
        raise FormatError("proc_params: weights must be sorted")
    if whole and (whole[0] < NO_FLOOR or whole[-1] > NO_CEILING):
        raise FormatError(f"proc_params: weights: expected {NO_FLOOR} to {NO_CEILING}")
    return whole or None


def _full_charge(params: Mapping[str, Any], weights: tuple[int, ...] | None) -> int:
    """What an input spike of value 1 adds: spike_value_factor, or the largest of `weights`."""
    factor = params.get("spike_value_factor")
    if weights is None:
        return expect_whole("proc_params: spike_value_factor", params["max_weight"] if factor is None else factor)
    if params["inputs_from_weights"] == (factor is not None):
        raise FormatError("proc_params: expected either spike_value_factor or inputs_from_weights true with 'weights'")
    return weights[-1] if factor is None else expect_whole("proc_params: spike_value_factor", factor)
