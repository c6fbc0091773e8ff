"""NYU-v2 frames at half size, three tasks, MobileNetV2 x0.35: under an hour on two cores."""

_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/nyud_256.py",
    "../_base_/models/dymu_semseg_depth_normals.py",
    "../_base_/schedules/stable.py",
]

# After _base_: before it, mmengine 0.10.7 would take this for a config of its other syntax.
import os.path as osp

# ImageNet weights of this width are nowhere to download: without the file, a shared trunk gives the common start.
weights = "{{$MMDYMU_DATA_ROOT:data}}/weights/mobilenet_v2_0.35_imagenet_mmpretrain.pth"
if osp.isfile(weights):
    init_cfg, trunk = dict(type="Pretrained", checkpoint=weights), None
else:
    init_cfg, trunk = None, dict(max_iters=3000, objective=dict(type="TrunkObjective"))
sizes = dict(in_channels=112, c1_in_channels=8)
model = dict(
    image_size=(128, 168),
    data_preprocessor=dict(type="MultiTaskDataPreprocessor", mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    stream=dict(
        granularity="stage",
        backbone=dict(
            type="mmseg.MobileNetV2",
            widen_factor=0.35,
            strides=(1, 2, 2, 2, 1, 1, 1),
            dilations=(1, 1, 1, 1, 1, 2, 2),
            out_indices=(1, 6),
            norm_cfg=dict(type="BN", requires_grad=True),
            init_cfg=init_cfg,
        ),
    ),
    heads=dict(semseg=dict(num_classes=13, **sizes), depth=dict(decoder=sizes), normals=dict(decoder=sizes)),
)

# 48 epochs of 795 frames.
train_cfg = dict(
    stages=dict(
        trunk=trunk,
        anchor=dict(max_iters=2400),
        edges=dict(objective=dict(images=24)),
        weights=dict(max_iters=300),
    )
)
