"""An outside judge: NeuroBench (Yik et al., Nature Communications 16:1545, 2025) measures a network, beside our counts.

`held_out` takes what the network was fed on cases that evolution never saw, `model` is the network once more, in torch,
and `neurobench` lets the harness run it and compares. What NeuroBench counts must be what we count, exactly.
"""
