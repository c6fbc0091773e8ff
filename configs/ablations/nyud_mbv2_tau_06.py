"""nyud_mbv2.py with the paper's threshold of active tasks, 0.6/N, instead of 0.15/N."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(regularizer=dict(active_fraction=0.6)))))
