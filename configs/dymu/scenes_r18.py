"""The embedded default: a narrow ResNet-18 on procedural rooms, trained from scratch in minutes on two cores."""

_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/scenes_96x128.py",
    "../_base_/models/dymu_semseg_depth_normals.py",
    "../_base_/schedules/stable.py",
]

sizes = dict(in_channels=128, c1_in_channels=16, channels=32, c1_channels=16)
model = dict(
    image_size=(96, 128),
    data_preprocessor=dict(
        type="MultiTaskDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    stream=dict(
        granularity="stage",
        backbone=dict(
            type="mmseg.ResNet",
            depth=18,
            stem_channels=16,
            base_channels=16,
            strides=(1, 2, 2, 1),
            dilations=(1, 1, 1, 2),
            out_indices=(0, 3),
            norm_cfg=dict(type="BN", requires_grad=True),
        ),
    ),
    heads=dict(semseg=dict(num_classes=8, **sizes), depth=dict(decoder=sizes), normals=dict(decoder=sizes)),
)

# Without pretrained weights a short shared-trunk stage gives all streams their common start.
optim_wrapper = dict(optimizer=dict(lr=2e-3, weight_decay=1e-3))
train_cfg = dict(
    stages=dict(
        trunk=dict(
            max_iters=200,
            objective=dict(type="TrunkObjective"),
            param_scheduler=[dict(type="LinearLR", start_factor=0.01, begin=0, end=50)],
        ),
        anchor=dict(max_iters=450),
        # So short an anchor loses less by sharing than a fully trained one: smaller regularisers are enough.
        edges=dict(max_iters=2500, objective=dict(regularizer=dict(lambda_inactive=0.006, lambda_cost=0.5))),
        weights=dict(max_iters=100),
    )
)
