"""nyud_mbv2.py with the weight hypernet trained under its batches' norm statistics, not the running ones of the test."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(stages=dict(weights=dict(objective=dict(statistics="batch"))))
