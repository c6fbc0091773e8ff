"""PHN: a chunked hypernet makes all weights of a shared trunk and its heads from the preference.

The numbers are added to the initial weights that all compared methods start from; base=None is the published form, in
which they are the weights. Exact Pareto optimal weights in place of linear ones: objective.scalarization='epo'.
"""

_base_ = ["./static_trunk_nyud_mbv2.py"]

model = dict(weight_hypernet=dict(_delete_=True, type="ChunkedHypernet"))

train_cfg = dict(
    stages=dict(
        tree=dict(
            # Published: each number moves with a hundred weights, so a step of 1e-3 is too far.
            optim_wrapper=dict(optimizer=dict(type="Adam", lr=1e-4, weight_decay=0.0)),
            objective=dict(preference=None, concentrations=(0.2, 1.0)),
        )
    )
)
