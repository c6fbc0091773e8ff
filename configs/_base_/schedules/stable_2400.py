"""stable.py with single-task nets of 2400 iterations: on 800 images of batch size 16, 48 epochs."""

_base_ = ["./stable.py"]

train_cfg = dict(
    stages=dict(anchor=dict(max_iters=2400), edges=dict(objective=dict(images=24)), weights=dict(max_iters=300))
)
