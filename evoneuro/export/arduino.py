"""A library for the Arduino IDE round the C, with a sketch that reads observations from the serial port.

Source: Arduino's library specification (arduino.github.io/arduino-cli/latest/library-specification).
"""

from __future__ import annotations

import re

import evoneuro
from evoneuro.export.c import C, values_of
from evoneuro.export.rendering import plain, render
from evoneuro.network import Network

LONGEST_WINDOW = 2**15 - 1  # an int has 16 bits on AVR


class Arduino:
    """The target "arduino": a library folder whose `src` is the C, and one example sketch."""

    name = "arduino"
    description = "a library for the Arduino IDE round the C, with a sketch: observations in, actions out by Serial"

    def check(self, network: Network) -> list[str]:
        """Every reason why the C cannot do what `network` does where an int has 16 bits."""
        reasons = C().check(network)
        if network.window > LONGEST_WINDOW:
            reasons.append(f"window {network.window}, at most {LONGEST_WINDOW}")
        return reasons

    def export(self, network: Network) -> dict[str, str]:
        """`library.properties`, `keywords.txt`, the C in `src/`, and `examples/NAME/NAME.ino`."""
        name, values = library_name(network), values_of(network)
        source = C().export(network)
        return {
            "library.properties": _properties(name, values["title"], values["summary"]),
            "keywords.txt": _keywords(values),
            f"src/{name}.h": f'/* {values["title"]}: see snn.h. */\n#include "snn.h"\n',
            "src/snn.h": source["snn.h"],
            "src/snn.c": source["snn.c"],
            sketch_file(network): render("sketch.ino.jinja", **values, library=name),
        }


def library_name(network: Network) -> str:
    """The task's name as an identifier, which is the name of the library, its header and its sketch."""
    task = plain((network.task or {}).get("name", "network"))
    return "evoneuro_" + (re.sub(r"[^a-z0-9]+", "_", task.lower()).strip("_")[:40] or "network")


def sketch_file(network: Network) -> str:
    """Where the sketch stands in the library."""
    name = library_name(network)
    return f"examples/{name}/{name}.ino"


def _properties(name: str, title: str, summary: str) -> str:
    lines = {
        "name": name,
        "version": re.match(r"\d+\.\d+\.\d+|", evoneuro.__version__)[0] or "0.0.0",  # type: ignore[index]
        "author": "EvoNeuro",
        "maintainer": "EvoNeuro",
        "sentence": title,
        "paragraph": f"{summary} Integers alone, no memory is allocated. Made by EvoNeuro {evoneuro.__version__}.",
        "category": "Data Processing",
        "url": "",
        "architectures": "*",
        "includes": f"{name}.h",
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def _keywords(values: dict[str, object]) -> str:
    """What the IDE colours: types, functions, constants; a tab stands between word and kind."""
    functions = ["snn_clear", "snn_step", "snn_fired", "snn_begin", "snn_tick"]
    functions += ["snn_choices"] if values["groups"] else ["snn_choice"] if values["choices"] else ["snn_values"]
    functions += ["snn_decide"] if values["table"] else []
    constants = ["SNN_NEURONS", "SNN_INPUTS", "SNN_OUTPUTS", "SNN_WINDOW", "SNN_DEPTH"]
    constants += ["SNN_VALUES"] if values["table"] else []
    constants += ["SNN_NUMBERS"] if values["numbers"] else []
    kinds = {"KEYWORD1": ["snn_state", "snn_charge"], "KEYWORD2": functions, "LITERAL1": constants}
    return "".join(f"{word}\t{kind}\n" for kind, words in kinds.items() for word in words)
