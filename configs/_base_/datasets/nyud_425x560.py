"""NYU Depth V2 as the NYUDv2 tar of ATRC has it (also used by InvPT): 425x560, images, labels and normals as PNG."""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/NYUDv2"
crop_size = (425, 560)

tasks = dict(
    semseg=dict(
        kind="label",
        folder="segmentation",
        suffix=".png",
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
    depth=dict(kind="depth", folder="depth", suffix=".npy"),
    normals=dict(kind="normals", folder="normals", suffix=".png"),
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
    img=dict(folder="images", suffix=".png"),
    tasks=tasks,
    how_to_get="The NYUDv2 tar of ATRC (Bruggemann et al., ICCV 2021)",
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
