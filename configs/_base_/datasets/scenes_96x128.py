"""Procedural rooms, 96x128: semseg, depth, normals. Rendered on first use, no download."""

_tasks = ("semseg", "depth", "normals")
_size = (96, 128)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.PackMultiTaskInputs"),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(type="mmdymu.ScenesDataset", length=1600, size=_size, seed=0, tasks=_tasks, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmdymu.ScenesDataset",
        length=200,
        size=_size,
        seed=1,
        tasks=_tasks,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
