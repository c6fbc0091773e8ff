"""nyud_mbv2_active.py with neither (L - l) / L nor the affinity in L_active: all layers and pairs count alike."""

_base_ = ["../dymu/nyud_mbv2_active.py"]

train_cfg = dict(stages=dict(edges=dict(objective=dict(regularizer=dict(depth_weighting=False, use_affinity=False)))))
