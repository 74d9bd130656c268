"""3D ResNeXt: the second convolution of a block in groups (Hara et al. 2018, arXiv 1711.09577).

The code published with Squeeze-and-Recursion hands no groups to its convolutions; they only widen
its bottlenecks, and change nothing in basic blocks. So are these with ``legacy_dense=True``: of its
size, and for its weights. ``srtg_`` as ever.
"""

from __future__ import annotations

from connsearch.models.zoo.resnet3d import register

register("r3dxt34_32d", "r3d", 34, groups=32)
register("r3dxt50_32x4d", "r3d", 50, groups=32, base_width=4)
register("r3dxt101_32x8d", "r3d", 101, groups=32, base_width=8)
register("r2plus1dxt34_32d", "r2plus1d", 34, groups=32)
register("r2plus1dxt50_32x4d", "r2plus1d", 50, groups=32, base_width=4)
register("r2plus1dxt101_32x8d", "r2plus1d", 101, groups=32, base_width=8)
