"""PASCAL-Context, five tasks, ResNet-50 with DeepLabV3+ decoders, trained as in BMTAS."""

_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/pascal_context_bmtas.py",
    "../_base_/models/dymu_pascal.py",
    "../_base_/schedules/stable.py",
]

sizes = dict(in_channels=2048, c1_in_channels=256, channels=256)
model = dict(
    # BMTAS maps bytes to [-1, 1]; these weights want ImageNet's mean and deviation.
    data_preprocessor=dict(
        type="MultiTaskDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    stream=dict(
        granularity="stage",
        backbone=dict(
            type="mmseg.ResNet",
            depth=50,
            strides=(1, 2, 2, 1),
            dilations=(1, 1, 1, 2),
            out_indices=(0, 3),
            norm_cfg=dict(type="BN", requires_grad=True),
            init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet50"),
        ),
    ),
    heads=dict(
        semseg=sizes,
        parts=sizes,
        saliency=dict(decoder=sizes),
        normals=dict(decoder=sizes),
        edges=dict(decoder=sizes),
    ),
)

# As BMTAS trains its networks: 40 000 iterations of 16 images.
optim_wrapper = dict(optimizer=dict(_delete_=True, type="SGD", lr=0.005, momentum=0.9, weight_decay=1e-4))
train_cfg = dict(
    stages=dict(
        anchor=dict(max_iters=40_000, param_scheduler=[dict(type="PolyLR", power=0.9, eta_min=0)]),
        edges=dict(max_iters=10_000),
        weights=dict(max_iters=10_000),
    )
)
