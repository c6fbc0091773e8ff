"""pascal_mbv2.py with the paper's three tasks: semseg, parts and saliency."""

_base_ = ["./pascal_mbv2.py"]

tasks = dict(
    _delete_=True,
    semseg={{_base_.tasks.semseg}},
    parts={{_base_.tasks.parts}},
    saliency={{_base_.tasks.saliency}},
)
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = dict(dataset=dict(tasks=tasks))

model = dict(
    tasks=("semseg", "parts", "saliency"),
    heads=dict(
        _delete_=True,
        semseg={{_base_.model.heads.semseg}},
        parts={{_base_.model.heads.parts}},
        saliency={{_base_.model.heads.saliency}},
    ),
)
val_evaluator = [
    dict(type="SegmentationMetric", task="semseg"),
    dict(type="SegmentationMetric", task="parts"),
    dict(type="SaliencyMetric"),
]
test_evaluator = val_evaluator
