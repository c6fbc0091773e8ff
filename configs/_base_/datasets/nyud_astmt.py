"""NYU Depth V2 as the NYUD_MT release of ASTMT has it: 425x560, labels and depth in MATLAB files, normals as JPEG.

Semseg holds 0 = unlabelled and 1 to 40; ASTMT itself trains 0 as a class of its own.
"""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/NYUD_MT"
crop_size = (425, 560)

tasks = dict(
    semseg=dict(
        kind="label",
        folder="segmentation",
        suffix=".mat",
        decoder=dict(type="MatDecoder", key="segmentation"),
        offset=-1,
        ignore=(0, 255),
        classes=(
            "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
            "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror",
            "floor mat", "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel",
            "shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink", "lamp",
            "bathtub", "bag", "otherstructure", "otherfurniture", "otherprop",
        ),
    ),
    depth=dict(kind="depth", folder="depth", suffix=".mat", decoder=dict(type="MatDecoder", key="depth")),
    normals=dict(kind="normals", folder="normals", suffix=".jpg"),
    edges=dict(
        kind="label", folder="edge", suffix=".png", value_map={255: 1}, classes=("background", "edge")
    ),
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
release = dict(train=795, val=654)
_dataset = dict(
    type="mmdymu.MultiTaskDataset",
    data_root=data_root,
    img=dict(folder="images", suffix=".jpg"),
    tasks=tasks,
    how_to_get="The NYUD_MT release of ASTMT (Maninis et al., CVPR 2019)",
)
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(ann_file="gt_sets/train.txt", pipeline=train_pipeline, **_dataset),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file="gt_sets/val.txt", pipeline=test_pipeline, test_mode=True, **_dataset),
)
test_dataloader = val_dataloader
