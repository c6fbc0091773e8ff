"""NYU Depth V2 as AdaShare (Sun et al., NeurIPS 2020) lists it: 480x640, paths in nyu_v2_3task.json.

Normals are brought to [-1, 1] here and their x changes its sign in a mirrored image; AdaShare does neither, so that its
angles are not comparable.
"""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/nyu_v2"
crop_size = (480, 640)

tasks = dict(
    semseg=dict(
        kind="label",
        ignore=(255,),
        classes=(
            "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
            "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror",
            "floor mat", "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel",
            "shower curtain", "box", "whiteboard", "person", "night stand", "toilet", "sink", "lamp",
            "bathtub", "bag", "otherstructure", "otherfurniture", "otherprop",
        ),
    ),
    # White marks pixels without a normal.
    normals=dict(kind="normals", ignore=(255,)),
    depth=dict(kind="depth", suffix=".npy"),
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
    type="mmdymu.PathListDataset",
    data_root=data_root,
    columns=("img", "semseg", "normals", "depth"),
    tasks=tasks,
    how_to_get="The preprocessed NYU-v2 of AdaShare",
)
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(ann_file="nyu_v2_3task.json", split="train", pipeline=train_pipeline, **_dataset),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file="nyu_v2_3task.json", split="test", pipeline=test_pipeline, test_mode=True, **_dataset),
)
test_dataloader = val_dataloader
