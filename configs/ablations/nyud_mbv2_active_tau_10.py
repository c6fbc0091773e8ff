"""nyud_mbv2_active.py with the threshold of active tasks at 1/N instead of 0.6/N."""

_base_ = ["../dymu/nyud_mbv2_active.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(regularizer=dict(active_fraction=1.0)))))
