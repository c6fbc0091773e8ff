"""stable_2400.py whose streams learn all tasks as one trunk for half of the iterations, and each its own for the rest.

They stay so much alike that shared nodes cost little accuracy, while the single-task nets are, on average, as
good. With less to lose, smaller regularisers give the same range of control.
"""

_base_ = ["./stable_2400.py"]

train_cfg = dict(
    stages=dict(
        trunk=dict(
            max_iters=1200,
            objective=dict(type="TrunkObjective", loss_weights="inverse"),
            param_scheduler=[
                dict(type="LinearLR", start_factor=0.1, begin=0, end=50),
                dict(type="PolyLR", power=0.9, eta_min=3e-4, begin=50),
            ],
        ),
        anchor=dict(
            max_iters=1200,
            optim_wrapper=dict(optimizer=dict(type="AdamW", lr=5e-4, weight_decay=1e-2)),
            param_scheduler=[dict(type="PolyLR", power=0.9, eta_min=1e-5)],
        ),
        edges=dict(objective=dict(regularizer=dict(lambda_inactive=0.005, lambda_cost=0.4))),
    )
)
