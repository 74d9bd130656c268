"""3D residual networks that are twice as wide inside their bottlenecks (arXiv 1605.07146)."""

from __future__ import annotations

from connsearch.models.zoo.resnet3d import register

register("wide_r3d50_2", "r3d", 50, base_width=128)
register("wide_r3d101_2", "r3d", 101, base_width=128)
register("wide_r2plus1d50_2", "r2plus1d", 50, base_width=128)
register("wide_r2plus1d101_2", "r2plus1d", 101, base_width=128)
