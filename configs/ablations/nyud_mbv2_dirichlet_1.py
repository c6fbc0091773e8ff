"""nyud_mbv2.py with preferences drawn uniformly from the simplex alone, Dirichlet(1)."""

_base_ = ["../dymu/nyud_mbv2.py"]

train_cfg = dict(
    stages=dict(edges=dict(objective=dict(concentrations=(1.0,))), weights=dict(objective=dict(concentrations=(1.0,))))
)
