"""What the published code costs: billions of multiply-accumulates, as its reference gives them."""

from __future__ import annotations

GMACS: dict[str, tuple[float, float]] = {
    "r3d_18": (25.30, 25.32),
    "r3d_34": (42.65, 42.68),
    "r3d_50": (26.47, 26.50),
    "r3d_101": (39.13, 39.20),
    "r3d_152": (54.78, 54.88),
    "r3d_200": (78.62, 78.73),
    "r3dxt34_32d": (42.65, 42.68),
    "r3dxt50_32x4d": (85.37, 85.41),
    "r3dxt101_32x8d": (509.80, 509.87),
    "wide_r3d50_2": (85.37, 85.41),
    "wide_r3d101_2": (134.29, 134.36),
    "r2plus1d_18": (22.94, 22.95),
    "r2plus1d_34": (40.28, 40.31),
    "r2plus1d_50": (24.83, 24.86),
    "r2plus1d_101": (37.50, 37.56),
    "r2plus1d_152": (53.14, 53.24),
    "r2plus1d_200": (76.98, 77.10),
    "r2plus1dxt50_32x4d": (86.31, 86.34),
    "r2plus1dxt101_32x8d": (521.70, 521.76),
    "wide_r2plus1d50_2": (86.63, 86.67),
    "wide_r2plus1d101_2": (135.55, 135.62),
    "ir_csn_50": (7.58, 7.62),
    "ir_csn_101": (8.50, 8.57),
    "ir_csn_152": (9.66, 9.76),
    "ip_csn_50": (8.92, 8.95),
    "ip_csn_101": (10.28, 10.34),
    "ip_csn_152": (11.97, 12.07),
}
"""Of a clip of 16 frames and 224 x 224 pixels, 400 classes: of a name, and of it with ``srtg_``.

Those of ``xt`` are dense, like its published weights.
"""
