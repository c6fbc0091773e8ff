"""NYU-v2 frames at half size, three tasks, MobileNetV2 x0.35: under an hour on two cores."""

_base_ = ["../_base_/nyud_mbv2.py", "../_base_/schedules/joint_2400.py"]

train_cfg = dict(
    stages=dict(
        # Longer where there are no ImageNet weights.
        trunk=dict(max_iters={{_base_.joint_iters}}),
        # Images of the scale that tests have.
        weights=dict(
            pipeline=[
                dict(type="LoadImageFromFile"),
                dict(type="mmdymu.LoadMultiTaskAnnotations"),
                dict(type="mmdymu.MultiTaskRandomResize", base_scale=(168, 128), ratio_range=(1.0, 1.0)),
                dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
                dict(type="mmdymu.PackMultiTaskInputs"),
            ]
        ),
    )
)
