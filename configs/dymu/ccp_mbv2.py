"""Clothing photos at half size, four tasks, MobileNetV2 x0.35; the schedule of nyud_mbv2.py."""

_base_ = ["../_base_/ccp_mbv2.py", "../_base_/schedules/joint_2400.py"]

train_cfg = dict(
    stages=dict(
        # Longer where there are no ImageNet weights.
        trunk=dict(max_iters={{_base_.joint_iters}}),
        # Images of the scale that tests have.
        weights=dict(
            pipeline=[
                dict(type="LoadImageFromFile"),
                dict(type="mmdymu.LoadMultiTaskAnnotations"),
                dict(type="mmdymu.MultiTaskRandomResize", base_scale=(128, 192), ratio_range=(1.0, 1.0)),
                dict(type="mmseg.RandomCrop", crop_size=(192, 128)),
                dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
                dict(type="mmdymu.PackMultiTaskInputs"),
            ]
        ),
    )
)
