"""LTB in the house of nyud_mbv2.py: a static tree is searched without a cost, then trained from the initial weights."""

_base_ = ["../dymu/nyud_mbv2_separate.py"]

model = dict(edge_hypernet=dict(_delete_=True, type="FreeEdges"), weight_hypernet=None)
train_cfg = dict(
    stages=dict(
        anchor=None,
        edges=None,
        weights=None,
        search=dict(
            max_iters={{_base_.train_cfg.stages.anchor.max_iters}},
            objective=dict(
                type="LTBObjective",
                # 1 / (losses of the single-task nets on training images), as in the configs of the other peers.
                loss_weights=dict(semseg=1.847, depth=2.402, normals=1.402),
            ),
            # Weights as in every anchor stage; logits faster, and without a pull to uniform choices.
            optim_wrapper=dict(
                paramwise_cfg=dict(custom_keys=dict(edge_hypernet=dict(lr_mult=10.0, decay_mult=0.0))),
            ),
            param_scheduler={{_base_.train_cfg.stages.anchor.param_scheduler}},
        ),
        retrain=dict(
            max_iters={{_base_.train_cfg.stages.anchor.max_iters}},
            objective=dict(type="TreeObjective", restart=True, preference=[1, 1, 1]),
            param_scheduler={{_base_.train_cfg.stages.anchor.param_scheduler}},
        ),
    )
)
