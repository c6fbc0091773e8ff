"""MobileNetV2 x0.35 for images at half size, and what gives its streams a common start."""

_base_ = []

# After _base_: before it, mmengine 0.10.7 would take this for a config of its other syntax.
import os.path as osp

# ImageNet weights of this width are nowhere to download: without the file, a shared trunk gives the common start, and
# streams that learn together do so for longer.
weights = "{{$MMDYMU_DATA_ROOT:data}}/weights/mobilenet_v2_0.35_imagenet_mmpretrain.pth"
if osp.isfile(weights):
    init_cfg, trunk, joint_iters = dict(type="Pretrained", checkpoint=weights), None, 1800
else:
    init_cfg, trunk, joint_iters = None, dict(max_iters=3000, objective=dict(type="TrunkObjective")), 4800
backbone = dict(
    type="mmseg.MobileNetV2",
    widen_factor=0.35,
    strides=(1, 2, 2, 2, 1, 1, 1),
    dilations=(1, 1, 1, 1, 1, 2, 2),
    out_indices=(1, 6),
    norm_cfg=dict(type="BN", requires_grad=True),
    init_cfg=init_cfg,
)
data_preprocessor = dict(type="MultiTaskDataPreprocessor", mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True)
