"""NYU Depth V2 as tools/dataset_converters/nyuv2.py writes it by default: 480x640, 40 classes, everything as PNG.

Normals are fitted to the depth. For another crop or size change crop_size; for 13 classes the names in
nyud_256.py.
"""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/nyuv2"
crop_size = (480, 640)

tasks = dict(
    semseg=dict(
        kind="label",
        folder="semseg",
        suffix=".png",
        classes=(
            "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
            "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror",
            "floor mat", "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel",
            "shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink", "lamp",
            "bathtub", "bag", "otherstructure", "otherfurniture", "otherprop",
        ),
    ),
    depth=dict(kind="depth", folder="depth", suffix=".png", scale=0.001),
    normals=dict(
        kind="normals", folder="normals", suffix=".png", scale=1 / 32767.5, offset=-1, ignore=(0,)
    ),
    edges=dict(kind="label", folder="edges", suffix=".png", classes=("background", "edge")),
)  # fmt: skip

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomResize", ratios=(1.0, 1.2, 1.5)),
    dict(type="mmseg.RandomCrop", crop_size=crop_size),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.PackMultiTaskInputs"),
]

# What tools/check_dataset.py compares with.
release = dict(train=795, test=654)
_dataset = dict(
    type="mmdymu.MultiTaskDataset",
    data_root=data_root,
    img=dict(folder="images", suffix=".png"),
    tasks=tasks,
    how_to_get="tools/dataset_converters/nyuv2.py makes it from the official files of NYU Depth V2",
)
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(ann_file="train.txt", pipeline=train_pipeline, **_dataset),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file="test.txt", pipeline=test_pipeline, test_mode=True, **_dataset),
)
test_dataloader = val_dataloader
