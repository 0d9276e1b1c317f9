"""Verilog-2001 for FPGAs: two cores with one interface, and what surrounds either of them.

`layout` has the widths that all parts share, `core` and `arithmetic` the spatial core, `multiplexed` the other one,
`coding` the encoder and decoder, `shell` the serial port and the boards, `target` the exporters.
"""
