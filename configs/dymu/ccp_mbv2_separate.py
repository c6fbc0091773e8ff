"""ccp_mbv2.py with the paper's streams: single-task nets that are apart from the first iteration."""

_base_ = ["../_base_/ccp_mbv2.py", "../_base_/schedules/stable_2400.py"]

# The common start where there are no ImageNet weights.
train_cfg = dict(stages=dict(trunk={{_base_.trunk}}))
