"""nyud_mbv2_active.py with the threshold of active tasks at 1.5/N instead of 0.6/N.

A preference whose weights are all below it has its largest ones active: all tasks, if they matter equally.
"""

_base_ = ["../dymu/nyud_mbv2_active.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(regularizer=dict(active_fraction=1.5)))))
