"""Clothing photos at half size, four tasks, MobileNetV2 x0.35: what all methods have in common but a schedule."""

_base_ = ["./default_runtime.py", "./datasets/ccp_256.py", "./models/dymu_semseg_parts_saliency_edges.py"]

# After _base_: before it, mmengine 0.10.7 would take this for a config of its other syntax.
import os.path as osp

# ImageNet weights of this width are nowhere to download: without the file, a shared trunk gives the common start, and
# streams that learn together do so for longer.
weights = "{{$MMDYMU_DATA_ROOT:data}}/weights/mobilenet_v2_0.35_imagenet_mmpretrain.pth"
if osp.isfile(weights):
    init_cfg, trunk, joint_iters = dict(type="Pretrained", checkpoint=weights), None, 1200
else:
    init_cfg, trunk, joint_iters = None, dict(max_iters=3000, objective=dict(type="TrunkObjective")), 4200

# Photos are 256 wide and about 384 high.
crop_size = (192, 128)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomResize", base_scale=(128, 192), ratio_range=(1.0, 1.3)),
    dict(type="mmseg.RandomCrop", crop_size=crop_size),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
# Labels are loaded after the resizing: predictions are scored at full size.
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmseg.Resize", scale=(128, 192)),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=16, dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

sizes = dict(in_channels=112, c1_in_channels=8)
model = dict(
    image_size=crop_size,
    data_preprocessor=dict(type="MultiTaskDataPreprocessor", mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    stream=dict(
        granularity="stage",
        # Six layers, so that the 4 * 4^6 path losses fit into a table: what comes before the heads' early feature is
        # one.
        merge=(3, 1, 1, 1, 1, 1),
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
    heads=dict(
        semseg=dict(num_classes=59, **sizes),
        parts=dict(num_classes=8, **sizes),
        saliency=dict(decoder=sizes),
        edges=dict(decoder=sizes),
    ),
)
