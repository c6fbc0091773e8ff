"""nyud_mbv2_paper.py with all tasks active: L_active is about all pairs, L_inactive about no task."""

_base_ = ["../dymu/nyud_mbv2_paper.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(regularizer=dict(active_fraction=0.0)))))
