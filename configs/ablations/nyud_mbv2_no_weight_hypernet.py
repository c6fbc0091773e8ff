"""nyud_mbv2.py without the weight hypernet: the anchor's own norms run in every tree."""

_base_ = ["../dymu/nyud_mbv2.py"]

model = dict(weight_hypernet=None)
train_cfg = dict(stages=dict(weights=None))
