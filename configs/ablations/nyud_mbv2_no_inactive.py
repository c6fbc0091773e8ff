"""nyud_mbv2.py without L_inactive: nothing but the cost weight holds unimportant tasks on shared nodes."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(regularizer=dict(lambda_inactive=0.0)))))
