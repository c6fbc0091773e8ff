"""nyud_mbv2.py with the paper's preferences alone, Dirichlet(0.2): mostly one or two tasks matter."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(
    stages=dict(edges=dict(objective=dict(concentrations=(0.2,))), weights=dict(objective=dict(concentrations=(0.2,))))
)
