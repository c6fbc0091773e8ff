"""NYU-v2 as the MTAN release has it: 288x384, 13 classes, arrays in {train,val}/{image,label,depth,normal}/."""

_base_ = ["../pipelines/mtan_288x384.py"]

data_root = "{{$MMDYMU_DATA_ROOT:data}}/nyuv2_mtan"

tasks = dict(
    semseg=dict(
        kind="label",
        folder="label",
        suffix=".npy",
        ignore=(-1,),
        classes=(
            "bed", "books", "ceiling", "chair", "floor", "furniture", "objects",
            "picture", "sofa", "table", "tv", "wall", "window",
        ),
    ),
    depth=dict(kind="depth", folder="depth", suffix=".npy"),
    normals=dict(kind="normals", folder="normal", suffix=".npy", scale=1, offset=0),
)  # fmt: skip

# What tools/check_dataset.py compares with.
release = dict(train=795, val=654)
_dataset = dict(
    type="mmdymu.MultiTaskDataset",
    img=dict(folder="image", suffix=".npy"),
    tasks=tasks,
    how_to_get="The preprocessed NYU-v2 of MTAN (Liu et al., CVPR 2019), folders train/ and val/",
)
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(data_root=f"{data_root}/train", pipeline={{_base_.train_pipeline}}, **_dataset),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(data_root=f"{data_root}/val", pipeline={{_base_.test_pipeline}}, test_mode=True, **_dataset),
)
test_dataloader = val_dataloader
