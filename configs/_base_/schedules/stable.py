"""The stages with the settings that control cost: exact expectations, many preferences a step, expected cost."""

optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=1e-3, weight_decay=1e-2))
hypernet_optimizer = dict(optimizer=dict(type="Adam", lr=1e-3))
train_cfg = dict(
    type="StageTrainLoop",
    stages=dict(
        anchor=dict(
            max_iters=1000,
            objective=dict(type="AnchorObjective"),
            param_scheduler=[
                dict(type="LinearLR", start_factor=0.1, begin=0, end=50),
                dict(type="PolyLR", power=0.9, eta_min=1e-5, begin=50),
            ],
        ),
        edges=dict(
            max_iters=4000,
            optim_wrapper=hypernet_optimizer,
            param_scheduler=[dict(type="CosineAnnealingLR", eta_min=1e-5)],
            objective=dict(
                type="EdgeObjective",
                regularizer=dict(
                    type="BranchingRegularizedLoss", lambda_active=0.0, lambda_inactive=0.02, lambda_cost=0.8
                ),
                concentrations=(0.2, 1.0),
                entropy=0.02,
            ),
        ),
        weights=dict(
            max_iters=600,
            optim_wrapper=hypernet_optimizer,
            param_scheduler=[dict(type="CosineAnnealingLR", eta_min=1e-5)],
            objective=dict(type="WeightObjective", concentrations=(0.2, 1.0)),
        ),
    ),
)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
