"""stable_2400.py whose streams learn all tasks as one trunk for 1800 iterations, and each its own for the other 600.

They stay so much alike that shared nodes cost little accuracy, and are better than streams that part earlier. With less
to lose, the edge stage has other settings. Smaller regularisers give the same range of control; L_inactive is only for
tasks of next to no weight, since at c = 0 the others' trees are to be the best ones. The price of compute rises with
c^2, so that the share falls more evenly. Small differences need a higher rate, and the entropy to be gone early: with
those of stable.py it stops at trees that share too much. A path table of few images prefers paths by chance: with
four tasks, trees chosen on 24 images are worse on others than plain ones. The weight stage learns whatever scale its
images have, so configs give it the tests'; it has a tenth of the rate, with which it fits its frames less closely.
"""

_base_ = ["./stable_2400.py"]

train_cfg = dict(
    stages=dict(
        trunk=dict(
            max_iters=1800,
            objective=dict(type="TrunkObjective", loss_weights="inverse"),
            param_scheduler=[
                dict(type="LinearLR", start_factor=0.1, begin=0, end=50),
                dict(type="PolyLR", power=0.9, eta_min=3e-4, begin=50),
            ],
        ),
        anchor=dict(
            max_iters=600,
            optim_wrapper=dict(optimizer=dict(type="AdamW", lr=5e-4, weight_decay=1e-2)),
            param_scheduler=[dict(type="PolyLR", power=0.9, eta_min=1e-5)],
        ),
        edges=dict(
            optim_wrapper=dict(optimizer=dict(lr=4e-3)),
            objective=dict(
                regularizer=dict(lambda_inactive=0.002, lambda_cost=0.15, cost_power=2.0, active_fraction=0.15),
                preferences_per_step=32,
                entropy=0.01,
                entropy_power=3.0,
                images=96,
            ),
        ),
        weights=dict(
            optim_wrapper=dict(optimizer=dict(lr=1e-4)),
            param_scheduler=[dict(type="CosineAnnealingLR", eta_min=1e-6)],
        ),
    )
)
