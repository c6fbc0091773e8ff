"""BMTAS in the house of nyud_mbv2.py: a cheap static tree is searched, then trained from the initial weights."""

_base_ = ["../dymu/nyud_mbv2_separate.py"]

model = dict(edge_hypernet=dict(_delete_=True, type="FreeEdges"), weight_hypernet=None)
# A step trains either the choices or the weights.
find_unused_parameters = True
train_cfg = dict(
    stages=dict(
        anchor=None,
        edges=None,
        weights=None,
        search=dict(
            max_iters={{_base_.train_cfg.stages.anchor.max_iters}},
            objective=dict(
                type="BMTASObjective",
                # More gives smaller trees.
                lambda_resource=0.25,
                # A pass through the 795 frames, as in the source.
                cycle=50,
                # 1 / (losses of the single-task nets on training images), as in the configs of the other peers.
                loss_weights=dict(semseg=1.847, depth=2.402, normals=1.402),
            ),
            # The source's: Adam with 1e-3 and 1e-4 for weights, with 1e-2 and 5e-5 for choices.
            optim_wrapper=dict(
                optimizer=dict(type="Adam", lr=1e-3, weight_decay=1e-4),
                paramwise_cfg=dict(custom_keys=dict(edge_hypernet=dict(lr_mult=10.0, decay_mult=0.5))),
            ),
        ),
        retrain=dict(
            max_iters={{_base_.train_cfg.stages.anchor.max_iters}},
            objective=dict(type="TreeObjective", restart=True, preference=[1, 1, 1]),
            param_scheduler={{_base_.train_cfg.stages.anchor.param_scheduler}},
        ),
    )
)
