"""PASCAL-Context with five tasks, one PNG for each image and task, prepared as in BMTAS (BMVC 2020).

Scales 0.5 to 2 in steps of 0.25, padded to 512x512 around the centre, random crop of that size, flip; no
rotation and no change of colour. Tests run on frames padded to 512x512; what was added is ignored.
"""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/PASCAL_MT"
crop_size = (512, 512)

tasks = dict(
    semseg=dict(
        kind="label",
        folder="semseg",
        suffix=".png",
        classes=(
            "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
            "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
            "train", "tvmonitor",
        ),
    ),
    parts=dict(
        kind="label",
        folder="human_parts",
        suffix=".png",
        classes=("background", "head", "torso", "upper arms", "lower arms", "upper legs", "lower legs"),
    ),
    # A probability stored as a byte: above one half is salient.
    saliency=dict(
        kind="label",
        folder="sal_distill",
        suffix=".png",
        value_map=[0] * 128 + [1] * 128,
        classes=("background", "salient"),
    ),
    # Black marks pixels without a normal: (-1, -1, -1) would point away from the camera.
    normals=dict(kind="normals", folder="normals_distill", suffix=".png", ignore=(0,)),
    edges=dict(
        kind="label", folder="edges", suffix=".png", value_map={255: 1}, classes=("background", "edge")
    ),
)  # fmt: skip

# BMTAS fills with 127.5, the middle of the range; images are bytes until the data preprocessor.
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomResize", ratios=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)),
    dict(type="mmdymu.MultiTaskPad", size=crop_size, img_value=128),
    dict(type="mmseg.RandomCrop", crop_size=crop_size),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.IgnoreEmptyLabels", tasks=("parts",)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskPad", size=crop_size, img_value=128, as_original=True),
    dict(type="mmdymu.IgnoreEmptyLabels", tasks=("parts",)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]

_dataset = dict(
    type="mmdymu.MultiTaskDataset",
    data_root=data_root,
    img=dict(folder="JPEGImages", suffix=".jpg"),
    tasks=tasks,
    how_to_get="The PASCAL_MT release of ASTMT (Maninis et al., CVPR 2019), label maps written as PNGs",
)
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(ann_file="ImageSets/Context/train.txt", pipeline=train_pipeline, **_dataset),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file="ImageSets/Context/val.txt", pipeline=test_pipeline, test_mode=True, **_dataset),
)
test_dataloader = val_dataloader
