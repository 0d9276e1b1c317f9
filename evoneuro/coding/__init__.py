"""Encoders (values -> spikes) and decoders (spikes -> a choice and the step at which it is made).

An encoder first quantises; from there on everything is integer, as on the hardware.
"""

from evoneuro.coding.choices import Count, Race
from evoneuro.coding.decoder import Decoder, Output
from evoneuro.coding.decoders import DECODERS, decoder_from_spec
from evoneuro.coding.encoders import (
    ENCODERS,
    Argyle,
    CountEncoder,
    Encoder,
    FlipFlop,
    TimeToFirstSpike,
    encoder_from_spec,
)
from evoneuro.coding.trains import pack, unpack

__all__ = [
    "DECODERS",
    "ENCODERS",
    "Argyle",
    "Count",
    "CountEncoder",
    "Decoder",
    "Encoder",
    "FlipFlop",
    "Output",
    "Race",
    "TimeToFirstSpike",
    "decoder_from_spec",
    "encoder_from_spec",
    "pack",
    "unpack",
]
