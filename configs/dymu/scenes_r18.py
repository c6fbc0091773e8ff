"""The embedded default: a narrow ResNet-18 on procedural rooms, trained from scratch in minutes on two cores."""

_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/scenes_96x128.py",
    "../_base_/models/dymu_semseg_depth_normals.py",
    "../_base_/schedules/joint_2400.py",
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

# As in joint_2400.py, all tasks train one trunk first: without pretrained weights that gives the streams their common
# start, and since they part late, one trunk for equal tasks loses 3 % only (9 % with 200 + 450 iterations).
optim_wrapper = dict(optimizer=dict(lr=2e-3, weight_decay=1e-3))
train_cfg = dict(
    stages=dict(
        trunk=dict(
            max_iters=600,
            param_scheduler=[
                dict(type="LinearLR", start_factor=0.01, begin=0, end=50),
                dict(type="PolyLR", power=0.9, eta_min=5e-4, begin=50),
            ],
        ),
        anchor=dict(max_iters=250, optim_wrapper=dict(optimizer=dict(lr=1e-3, weight_decay=1e-3))),
        # The price of compute is to be about what sharing loses: far above, all layers are shared from c = .3 on. 64
        # images do, 96 take longer.
        edges=dict(max_iters=2300, objective=dict(regularizer=dict(lambda_cost=0.06), images=64)),
        weights=dict(max_iters=100),
    )
)
