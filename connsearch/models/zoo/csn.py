"""Channel-separated networks (Tran et al. 2019, arXiv 1904.02811), plain and ``srtg_``.

As in the code published with Squeeze-and-Recursion: bottlenecks that do not widen, a 3x7x7 stem.
"""

from __future__ import annotations

from connsearch.models.zoo.resnet3d import register

for _depth in (50, 101, 152):
    register(f"ir_csn_{_depth}", "ir_csn", _depth)
    register(f"ip_csn_{_depth}", "ip_csn", _depth)
