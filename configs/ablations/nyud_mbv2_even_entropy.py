"""nyud_mbv2.py whose entropy term falls evenly over the edge stage, instead of with the third power of what is left."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(entropy_power=1.0))))
