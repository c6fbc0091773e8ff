"""nyud_mbv2.py whose streams learn all tasks as one trunk for half of the iterations, and their own for the other half.

Such streams are so much alike that shared nodes cost little accuracy; the single-task nets are, on average, as good as
those of nyud_mbv2.py. With less to lose, smaller regularisers give the same range of control.
"""

_base_ = ["./nyud_mbv2.py"]

stream_iters = 2400
train_cfg = dict(
    stages=dict(
        trunk=dict(
            _delete_=True,
            max_iters=stream_iters // 2,
            # About 1 / (losses of the single-task nets on training images).
            objective=dict(type="TrunkObjective", loss_weights=dict(semseg=1.774, depth=2.372, normals=1.407)),
            param_scheduler=[
                dict(type="LinearLR", start_factor=0.1, begin=0, end=50),
                dict(type="PolyLR", power=0.9, eta_min=3e-4, begin=50),
            ],
        ),
        anchor=dict(
            max_iters=stream_iters // 2,
            optim_wrapper=dict(optimizer=dict(type="AdamW", lr=5e-4, weight_decay=1e-2)),
            param_scheduler=[dict(type="PolyLR", power=0.9, eta_min=1e-5)],
        ),
        edges=dict(objective=dict(regularizer=dict(lambda_inactive=0.002, lambda_cost=0.4))),
    )
)
