"""PHN-BN: a shared trunk whose norm parameters a hypernet shifts with the preference; both are trained."""

_base_ = ["./static_trunk_nyud_mbv2.py"]

model = dict(weight_hypernet=dict(_delete_=True, type="WeightHypernet"))

train_cfg = dict(stages=dict(tree=dict(objective=dict(preference=None, concentrations=(0.2, 1.0)))))
# Running statistics mix the networks of all preferences.
norm_statistics = "calibrated"
