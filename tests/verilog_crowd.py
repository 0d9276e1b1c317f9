"""Cores of many networks in one program of a Verilog simulator, stepped together, each beside its recorded spikes.

A simulator takes longer to start, and Verilator to compile itself, than a network takes to run. The benches that are
exported judge one network; this one has one state machine for all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from evoneuro import Network
from evoneuro.export.programs import call
from evoneuro.export.verify import Sent
from evoneuro.export.verilog.bench import words
from evoneuro.export.verilog.layout import Layout

STEPS, AGAIN = 200, 20  # and once more after a reset
TOGETHER = 34  # networks of a program

_ONE = """
reg [{charge_bits}:0] charges{k} [0:{last}];
reg [{neuron_bits}:0] expected{k} [0:{last}];
wire [{neuron_bits}:0] spikes{k};
wire done{k};
reg seen{k} = 0;
reg [31:0] wrong{k} = 0;
{module} core{k} (.clk(clk), .rst(rst), .step(step), .charge(charges{k}[t]), .done(done{k}), .spikes(spikes{k}));
initial begin
    $readmemh("charges{k}.hex", charges{k});
    $readmemh("spikes{k}.hex", expected{k});
end
always @(posedge clk) begin
    seen{k} <= ~step & (seen{k} | done{k});
    if (judge && spikes{k} !== expected{k}[t]) wrong{k} <= wrong{k} + 1;
    if (over) $display("network {k}: %0d wrong", wrong{k});
end
"""

_ALL = """
module crowd (input wire clk);
reg [7:0] t = 0;
reg [2:0] state = 0;
reg step = 0, rst = 1, again = 0, over = 0;
wire all = {all};
wire judge = state == 2 && all;
always @(posedge clk) begin
    rst <= 0;
    case (state)
        0: begin step <= ~rst; state <= rst ? 0 : 1; end
        1: begin step <= 0; state <= 2; end
        2: if (all) begin
            t <= t + 1;
            state <= 0;
            if (t == (again ? {again} : {steps}) - 1) begin
                t <= 0;
                rst <= 1;
                again <= 1;
                over <= again;
                state <= again ? 3 : 0;
            end
        end
        default: if (!over) $finish; else over <= 0;
    endcase
end
{bodies}
endmodule
"""

_CLOCK = """
module clock;
reg clk = 0;
always #5 clk = ~clk;
crowd all (clk);
endmodule
"""

_MAIN = """
#include "Vcrowd.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

int main()
{
    Vcrowd crowd;
    while (!Verilated::gotFinish()) {
        crowd.clk = !crowd.clk;
        crowd.eval();
    }
}
"""

# -O0 by the makefile's own variables, since its -Os would stand behind that of -CFLAGS
VERILATOR = (
    "verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-Wno-lint", "--unroll-count", "1", "--output-split", "0",
    "-MAKEFLAGS", "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0", "--top-module", "crowd", "crowd.v", "main.cpp",
)  # fmt: skip


def wrong_steps(
    simulator: str, networks: Sequence[Network], sent: Sequence[Sent], core: Callable[[Network], str], folder: Path
) -> list[int]:
    """In how many steps each core was wrong, in `simulator` (iverilog or verilator); a core that hangs fails."""
    found: list[int] = []
    for first in range(0, len(networks), TOGETHER):
        part = slice(first, first + TOGETHER)
        count = _write(networks[part], sent[part], core, folder)
        if simulator == "iverilog":
            call(["iverilog", "-g2001", "-s", "clock", "-o", "crowd", "crowd.v", "clock.v"], folder)
            said = call(["vvp", "-n", "crowd"], folder)
        else:
            call(VERILATOR, folder)
            said = call([str(folder / "obj_dir" / "Vcrowd")], folder)
        wrong = {int(k): int(steps) for k, steps in re.findall(r"network (\d+): (\d+) wrong", said)}
        found += [wrong[k] for k in range(count)]
    return found


def _write(networks: Sequence[Network], sent: Sequence[Sent], core: Callable[[Network], str], folder: Path) -> int:
    modules, bodies = [], []
    for k, (network, one) in enumerate(zip(networks, sent, strict=True)):
        assert len(one.charges) == STEPS
        layout, module = Layout.of(network), f"core_{k}"
        modules.append(core(network).replace("snn_core", module))
        bits = {"charge_bits": max(layout.inputs * layout.charge_width, 1) - 1, "neuron_bits": network.neurons - 1}
        bodies.append(_ONE.format(k=k, module=module, last=STEPS - 1, **bits))
        (folder / f"charges{k}.hex").write_text(words(one.charges.tolist(), layout.charge_width))
        (folder / f"spikes{k}.hex").write_text(words(one.spikes.tolist(), 1))
    all_seen = " & ".join(f"seen{k}" for k in range(len(networks)))
    top = _ALL.format(all=all_seen, steps=STEPS, again=AGAIN, bodies="".join(bodies))
    for name, text in (("crowd.v", "".join(modules) + top), ("clock.v", _CLOCK), ("main.cpp", _MAIN)):
        (folder / name).write_text(text)
    return len(networks)
