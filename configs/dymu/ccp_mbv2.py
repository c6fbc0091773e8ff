"""Clothing photos at half size, four tasks, MobileNetV2 x0.35; the schedule of nyud_mbv2.py."""

_base_ = ["../_base_/ccp_mbv2.py", "../_base_/schedules/joint_2400.py"]

# Longer where there are no ImageNet weights.
train_cfg = dict(stages=dict(trunk=dict(max_iters={{_base_.joint_iters}})))
