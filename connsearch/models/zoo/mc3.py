"""3D residual networks whose later stages see every frame by itself (Tran et al. 2018, MC3).

Stem and first stage are those of R3D. As torchvision's ``mc3_18``: no pool after the stem.
"""

from __future__ import annotations

from connsearch.models.resnet3d_settings import ResNet3DSettings
from connsearch.models.zoo.resnet3d import CLIP, DEPTHS, RESNETS_3D

_BLOCK, _DEPTHS = DEPTHS[18]
MC3_18 = ResNet3DSettings(block=_BLOCK, convolution="mc3", depths=_DEPTHS, stem_pool=False)
RESNETS_3D.register("mc3_18", MC3_18, CLIP)
