"""NYU-v2 frames at half size, three tasks, MobileNetV2 x0.35: under an hour on two cores."""

_base_ = ["../_base_/nyud_mbv2.py", "../_base_/schedules/joint_2400.py"]

# Longer where there are no ImageNet weights.
train_cfg = dict(stages=dict(trunk=dict(max_iters={{_base_.joint_iters}})))
