"""nyud_mbv2.py whose price of compute rises with c itself instead of c^2."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(regularizer=dict(cost_power=1.0)))))
