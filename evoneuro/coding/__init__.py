"""Encoders (values -> spikes) and decoders (spikes -> a choice and the step at which it is made).

An encoder first quantises; from there on everything is integer, as on the hardware.
"""

from evoneuro.coding.decoders import DECODERS, Count, Decoder, Output, Race, decoder_from_spec
from evoneuro.coding.encoders import (
    ENCODERS,
    Argyle,
    CountEncoder,
    Encoder,
    FlipFlop,
    TimeToFirstSpike,
    encoder_from_spec,
)
from evoneuro.coding.trains import Feed, Trains, is_graded, pack, unpack

__all__ = [
    "DECODERS",
    "ENCODERS",
    "Argyle",
    "Count",
    "CountEncoder",
    "Decoder",
    "Encoder",
    "Feed",
    "FlipFlop",
    "Output",
    "Race",
    "TimeToFirstSpike",
    "Trains",
    "decoder_from_spec",
    "encoder_from_spec",
    "is_graded",
    "pack",
    "unpack",
]
