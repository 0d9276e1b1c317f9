"""Encoders (values -> spikes or charges) and decoders (spikes -> a choice and the step at which it is made).

An encoder first quantises; from there on everything is integer, as on the hardware.
"""

from evoneuro.coding.choices import Count, Race
from evoneuro.coding.decoder import Decoder, Output
from evoneuro.coding.decoders import DECODERS, decoder_from_spec
from evoneuro.coding.encoder import Encoder
from evoneuro.coding.encoders import ENCODERS, Gaussian, Stream, encoder_from_spec
from evoneuro.coding.graded import Charge, Current, Phase
from evoneuro.coding.latency import LogLatency, RankOrder, TimeToFirstSpike
from evoneuro.coding.population import Argyle, Bins, FlipFlop
from evoneuro.coding.rate import Bernoulli, CountEncoder, Regular
from evoneuro.coding.series import Crossing, Delta, MovingWindow, SendOnDelta, StepForward
from evoneuro.coding.trains import Feed, Trains, is_graded, pack, unpack

__all__ = [
    "DECODERS",
    "ENCODERS",
    "Argyle",
    "Bernoulli",
    "Bins",
    "Charge",
    "Count",
    "CountEncoder",
    "Crossing",
    "Current",
    "Decoder",
    "Delta",
    "Encoder",
    "Feed",
    "FlipFlop",
    "Gaussian",
    "LogLatency",
    "MovingWindow",
    "Output",
    "Phase",
    "Race",
    "RankOrder",
    "Regular",
    "SendOnDelta",
    "StepForward",
    "Stream",
    "TimeToFirstSpike",
    "Trains",
    "decoder_from_spec",
    "encoder_from_spec",
    "is_graded",
    "pack",
    "unpack",
]
