"""nyud_mbv2.py with a fourth task: edges, the borders between the frames' label segments."""

_base_ = ["../_base_/nyud_mbv2_4task.py", "../_base_/schedules/joint_2400.py"]

# Longer where there are no ImageNet weights.
train_cfg = dict(stages=dict(trunk=dict(max_iters={{_base_.joint_iters}})))
