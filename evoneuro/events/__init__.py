"""Event cameras and cochleas: their files, their data sets as folders, a simulated camera, and events as spikes."""

from evoneuro.events.aedat2 import DAVIS, DVS128, Address, read_aedat2, write_aedat2
from evoneuro.events.aedat3 import read_aedat3, write_aedat3
from evoneuro.events.binning import Binning, trains_of
from evoneuro.events.camera import Camera
from evoneuro.events.columns import read_gesture, read_poker, write_gesture, write_poker
from evoneuro.events.folders import by_class, dvs_gesture, nmnist, shd, ssc
from evoneuro.events.form import EVENT, Events, as_events, make_events
from evoneuro.events.heidelberg import SpikeFile, read_heidelberg, write_heidelberg
from evoneuro.events.nmnist import read_bin, write_bin
from evoneuro.events.recordings import Recordings

__all__ = [
    "DAVIS",
    "DVS128",
    "EVENT",
    "Address",
    "Binning",
    "Camera",
    "Events",
    "Recordings",
    "SpikeFile",
    "as_events",
    "by_class",
    "dvs_gesture",
    "make_events",
    "nmnist",
    "read_aedat2",
    "read_aedat3",
    "read_bin",
    "read_gesture",
    "read_heidelberg",
    "read_poker",
    "shd",
    "ssc",
    "trains_of",
    "write_aedat2",
    "write_aedat3",
    "write_bin",
    "write_gesture",
    "write_heidelberg",
    "write_poker",
]
