"""nyud_mbv2.py with the paper's L_active in place of the expected cost, and its τ, for comparison.

λ_inactive is the one that λ_active was chosen with.
"""

_base_ = ["./nyud_mbv2.py"]

train_cfg = dict(
    stages=dict(
        edges=dict(
            objective=dict(
                regularizer=dict(lambda_active=1.2, lambda_inactive=0.005, lambda_cost=0.0, active_fraction=0.6)
            )
        ),
        weights=None,
    )
)
