"""The paper's own settings on the frames and streams of nyud_mbv2_separate.py.

10 000 and 3000 iterations for its 30 000 each, of 2 and 4 images: Gumbel samples through images, one preference a step,
undivided regularisers with the parent's usage, fixed w_i.
"""

_base_ = ["./nyud_mbv2_separate.py"]

edge_iters, weight_iters = 10_000, 3000
train_cfg = dict(
    stages=dict(
        edges=dict(
            max_iters=edge_iters,
            batch_size=2,
            # The paper's step at 14 000 of 30 000 iterations, at the same share of a shorter run.
            param_scheduler=[dict(type="StepLR", step_size=edge_iters * 14 // 30, gamma=0.3)],
            objective=dict(
                _delete_=True,
                type="EdgeObjective",
                source="images",
                decisions="gumbel",
                preferences_per_step=1,
                concentrations=(0.2,),
                temperature=(5.0, 0.97, 100),
                loss_weights=dict(semseg=1.0, depth=3.0, normals=20.0),
                regularizer=dict(
                    type="BranchingRegularizedLoss",
                    lambda_active=1.0,
                    lambda_inactive=0.1,
                    usage_level="parent",
                    normalize=False,
                ),
            ),
        ),
        weights=dict(
            max_iters=weight_iters,
            batch_size=4,
            param_scheduler=[dict(type="StepLR", step_size=weight_iters * 14 // 30, gamma=0.3)],
            objective=dict(trees="sampled", concentrations=(0.2,), statistics="batch"),
        ),
    )
)
