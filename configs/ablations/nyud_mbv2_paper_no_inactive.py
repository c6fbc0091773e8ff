"""nyud_mbv2_paper.py without L_inactive."""

_base_ = ["../dymu/nyud_mbv2_paper.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(regularizer=dict(lambda_inactive=0.0)))))
