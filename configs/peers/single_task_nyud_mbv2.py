"""The single-task nets of nyud_mbv2_separate.py: its anchor alone, whose w_i the other nets are trained with."""

_base_ = ["../dymu/nyud_mbv2_separate.py"]

model = dict(weight_hypernet=None)
train_cfg = dict(
    # As many images as the edges stage takes for its own w_i.
    stages=dict(anchor=dict(objective=dict(scale_images=24)), edges=None, weights=None)
)
# Tests and sweeps run the nets themselves: there is no controller.
run_anchor = True
