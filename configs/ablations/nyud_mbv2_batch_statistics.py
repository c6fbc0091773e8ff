"""nyud_mbv2.py with the weight hypernet trained under the statistics of its batches, not those that tests run with."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(stages=dict(weights=dict(objective=dict(statistics="batch"))))
