"""NYU Depth V2 frames of 256x336, trained at half size: 13-class semseg, depth, normals.

Scores on these frames are not comparable with published NYU-v2 tables: 8-bit depth, normals derived from it,
500 of the 654 official test frames, 13 classes.
"""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/nyuv2_256"
crop_size = (128, 168)

tasks = dict(
    semseg=dict(
        kind="label",
        folder="semseg13",
        suffix=".png",
        classes=(
            "bed", "books", "ceiling", "chair", "floor", "furniture", "objects",
            "picture", "sofa", "table", "tv", "wall", "window",
        ),
    ),
    # Half a step is added: the stored byte is the lower end of its interval. A wall 0 m away does not occur.
    depth=dict(kind="depth", folder="depth", suffix=".png", scale=9.99547 / 255, offset=0.5 * 9.99547 / 255),
    normals=dict(kind="normals", folder="normals", suffix=".jpg"),
)  # fmt: skip

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomResize", base_scale=(168, 128), ratio_range=(1.0, 1.3)),
    dict(type="mmseg.RandomCrop", crop_size=crop_size),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
# Labels are loaded after the resizing: predictions are scored at full size.
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmseg.Resize", scale=(168, 128)),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.PackMultiTaskInputs"),
]

# What tools/check_dataset.py compares with.
release = dict(train=795, test=500)
_dataset = dict(
    type="mmdymu.MultiTaskDataset",
    data_root=data_root,
    img=dict(folder="images", suffix=".jpg"),
    tasks=tasks,
    how_to_get=(
        "NYU Depth V2 (Silberman et al., ECCV 2012): images, labels and depth of the official split, "
        "cropped to rows 45:470 and columns 40:600 and resized to 256x336"
    ),
)
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(ann_file="train.txt", pipeline=train_pipeline, **_dataset),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file="test.txt", pipeline=test_pipeline, test_mode=True, **_dataset),
)
test_dataloader = val_dataloader
