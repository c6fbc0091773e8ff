"""Clothing photos at half size, four tasks, MobileNetV2 x0.35: what all methods have in common but a schedule."""

_base_ = [
    "./default_runtime.py",
    "./datasets/ccp_256.py",
    "./models/dymu_semseg_parts_saliency_edges.py",
    "./models/mobilenet_v2_035.py",
]

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
    data_preprocessor={{_base_.data_preprocessor}},
    # Six layers, so that the 4 * 4^6 path losses fit into a table: what comes before the heads' early feature is one.
    stream=dict(granularity="stage", merge=(3, 1, 1, 1, 1, 1), backbone={{_base_.backbone}}),
    heads=dict(
        semseg=dict(num_classes=59, **sizes),
        parts=dict(num_classes=8, **sizes),
        saliency=dict(decoder=sizes),
        edges=dict(decoder=sizes),
    ),
)
