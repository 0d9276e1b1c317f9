"""The C export on this machine and on processors that are emulated: Cortex-M and RV32."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evoneuro.export.c import C, serving_program, table_of
from evoneuro.export.closed_loop import play
from evoneuro.export.conversation import Conversation
from evoneuro.export.machines import DEADLINE, MACHINES, SOURCES, Machine, where
from evoneuro.export.verify import Sent, Tool, Verified, compare
from evoneuro.network import Network

CLOCK = 16  # MHz, for which times are stated


class Player:
    """The network on a machine: what it answers, and what the machine counted.

    Attributes:
        steps, decisions: counts of each, in the machine's units.
    """

    def __init__(self, network: Network, machine: Machine, conversation: Conversation) -> None:
        self.steps: list[float] = []
        self.decisions: list[float] = []
        self.units = units(network)
        self._network, self._machine, self._conversation = network, machine, conversation
        self._fraction = np.array(C.number_fraction(network), np.int64)

    def clear(self) -> None:
        """Forget everything."""
        self._conversation.say("c")

    def run(self, charges: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        """Who fired, uint8 (steps, neurons), in each of the steps with these charges, int32 (steps, inputs)."""
        rows = []
        for hexadecimal, counted in self._ask("s", charges):
            self.steps.append(self._spent(counted))
            row = np.frombuffer(bytes.fromhex(hexadecimal), np.uint8)
            rows.append(np.unpackbits(row, bitorder="little")[: self._network.neurons])
        return np.array(rows, np.uint8).reshape(-1, self._network.neurons)

    def decide(self, observation: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Steps and words, float64 [1 + words], of a decision on an observation in fixed point, int64 [values]."""
        (said,) = self.decide_all(observation[None])
        return np.asarray(said, np.float64)

    def decide_all(self, observations: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Those of one decision after another, float64 (decisions, 1 + words), on int64 (decisions, values)."""
        rows = []
        for *words, counted in self._ask("d", observations):
            self.decisions.append(self._spent(counted))
            rows.append(self._read(words))
        return np.array(rows).reshape(-1, len(self.units))

    def decide_on_charges(self, charges: npt.NDArray[np.int32], steps: int) -> npt.NDArray[np.float64]:
        """Steps and words, float64 [1 + words], of a decision on charges, int32 (window, inputs).

        Args:
            steps: that it should take. A decision that ends elsewhere is none.
        """
        answers = self._ask("t", charges[:steps])
        if [len(answer) > 2 for answer in answers] != [False] * (steps - 1) + [True]:
            return np.full(len(self.units), np.nan)
        self.decisions.append(sum(self._spent(answer[-1]) for answer in answers))
        return self._read(answers[-1][:-1])

    def _ask(self, what: str, rows: npt.NDArray[Any]) -> list[list[str]]:
        requests = [f"{what} {' '.join(map(str, row))}" for row in rows.tolist()]
        return [answer.split() for answer in self._conversation.ask_all(requests)]

    def _spent(self, counted: str) -> float:
        return int(counted) % 2**32 * self._machine.per_count

    def _read(self, words: list[str]) -> npt.NDArray[np.float64]:
        said = np.array(words, np.float64)
        if len(self._fraction):
            said[1:] = np.ldexp(said[1:], -self._fraction)
        return said


class CVerifier:
    """Compiles the export with warnings as errors, runs it, counts, and measures its size."""

    def tools(self) -> list[Tool]:
        """Compilers and emulators."""
        names = dict.fromkeys(name for machine in MACHINES for name in machine.needs)
        return [Tool(name, where(name), SOURCES[name]) for name in names]

    def verify(self, network: Network, sent: Sent, folder: Path) -> list[Verified]:
        """Run the program in `folder` on every machine whose tools are here."""
        for name, text in C().export(network).items():
            (folder / name).write_text(text)
        return verified_on([machine for machine in MACHINES if machine.here], network, sent, folder)


def verified_on(machines: Sequence[Machine], network: Network, sent: Sent, folder: Path) -> list[Verified]:
    """What each machine makes of `snn.c` in `folder`."""
    (folder / "serve.c").write_text(serving_program(network))
    found = []
    for machine in machines:
        program = f"serve-{machine.name}"
        machine.build(folder, program)
        figures: dict[str, Any] = machine.sizes(folder) if machine.unit != "nanoseconds" else {}
        with Conversation([*machine.emulator, str(folder / program)], folder, DEADLINE) as conversation:
            found.append(_judged(Player(network, machine, conversation), machine, network, sent, figures))
    return found


def _judged(player: Player, machine: Machine, network: Network, sent: Sent, figures: dict[str, Any]) -> Verified:
    """Everything that is sent, asked of a machine, and what is wrong with the answers."""
    spikes = player.run(sent.charges)
    player.clear()
    said = player.decide_all(sent.observations)
    latencies = sent.fed_said[:, :1].astype(int).ravel().tolist()
    fed_said = np.array([player.decide_on_charges(*one) for one in zip(sent.fed, latencies, strict=True)])
    wrong = compare(sent, spikes, said, player.units)
    if len(fed_said):
        wrong += int((~(np.abs(fed_said - sent.fed_said) <= np.array(player.units))).any(axis=1).sum())
    decisions = len(sent.said) + len(sent.fed)
    table = table_of(network)
    if sent.task is not None and table is not None:
        played = play(network, table, sent.task, player, player.units)
        wrong, decisions = wrong + played.mismatches, decisions + played.decisions
        figures |= {"loop_decisions": played.decisions, "loop_score": played.score}
    figures |= counted(player, machine.unit)
    return Verified(machine.name, len(sent.charges), int(sent.spikes.sum()), decisions, wrong, figures)


def counted(player: Player, unit: str) -> dict[str, float]:
    """Mean and most of what steps and decisions took, and the time of the longest decision on a clock of 16 MHz.

    Instructions take at least a cycle each, so that their time is the least that is possible.
    """
    found: dict[str, float] = {}
    for what, counts in (("step", player.steps), ("decision", player.decisions)):
        if counts:
            found[f"{unit}_per_{what}_mean"] = round(statistics.fmean(counts), 1)
            found[f"{unit}_per_{what}_most"] = round(max(counts))
    if player.decisions and unit != "nanoseconds":
        least = "least_" if unit == "instructions" else ""
        found[f"{least}microseconds_per_decision_at_{CLOCK}_mhz"] = round(max(player.decisions) / CLOCK, 1)
    return found


def units(network: Network) -> list[float]:
    """By how much steps and each word of a decision may differ: a value by a unit of its last place."""
    fraction = C.number_fraction(network)
    if fraction:
        return [0.0, *(2.0**-bits for bits in fraction)]
    return [0.0] * (1 + C.choices(network))
