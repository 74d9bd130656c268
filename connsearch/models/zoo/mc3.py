"""3D residual networks whose later stages see every frame by itself (Tran et al. 2018, MC3).

Stem and first stage are those of R3D. As torchvision's ``mc3_18``: no pool after the stem.
"""

from __future__ import annotations

from functools import partial

from connsearch.models.resnet3d_settings import ResNet3DSettings
from connsearch.models.zoo import MODELS, ZooModel
from connsearch.models.zoo.resnet3d import CLIP, DEPTHS, KIND, build

_BLOCK, _DEPTHS = DEPTHS[18]
MC3_18 = ResNet3DSettings(block=_BLOCK, convolution="mc3", depths=_DEPTHS, stem_pool=False)
MODELS.register("mc3_18")(ZooModel(partial(build, "mc3_18", MC3_18), KIND, CLIP))
