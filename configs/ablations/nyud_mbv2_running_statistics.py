"""nyud_mbv2.py with the weight hypernet trained under the running statistics of the test, not under its batches'."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(stages=dict(weights=dict(objective=dict(statistics="running"))))
