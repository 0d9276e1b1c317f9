"""Measure this machine: the simulator, evaluations, scaling, beside the peers that are installed.

Whatever is compared is measured in turns in the same run, on the same networks and inputs, and its spikes are checked.
"""
