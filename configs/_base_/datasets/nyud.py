"""What the forms of NYU Depth V2 with 40 classes share: classes, splits, pipeline.

Scales 1, 1.2 and 1.5 about the centre, depth divided by the scale, and flips, as in MTI-Net (Vandenhende et al., ECCV
2020). Frames keep their size, whatever it is. Add the labels: nyud_480x640.py, nyud_425x560.py, nyud_astmt.py, …
"""

classes = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
    "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror",
    "floor mat", "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel",
    "shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink", "lamp",
    "bathtub", "bag", "otherstructure", "otherfurniture", "otherprop",
)  # fmt: skip

# What tools/check_dataset.py compares with.
release = dict(train=795, val=654)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.MultiTaskRandomRotate", degrees=0, scales=(1.0, 1.2, 1.5)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(type="mmdymu.MultiTaskDataset", ann_file="gt_sets/train.txt", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="mmdymu.MultiTaskDataset", ann_file="gt_sets/val.txt", pipeline=test_pipeline, test_mode=True),
)
test_dataloader = val_dataloader
