"""NYU Depth V2 as the NYUD_MT release of ASTMT has it: 425x560, labels and depth in MATLAB files, normals as JPEG.

Semseg holds 0 = unlabelled and 1 to 40; ASTMT itself trains 0 as a class of its own.
"""

_base_ = ["./nyud.py"]

data_root = "{{$MMDYMU_DATA_ROOT:data}}/NYUD_MT"

tasks = dict(
    semseg=dict(
        kind="label",
        folder="segmentation",
        suffix=".mat",
        decoder=dict(type="MatDecoder", key="segmentation"),
        offset=-1,
        ignore=(0, 255),
        classes={{_base_.classes}},
    ),
    depth=dict(kind="depth", folder="depth", suffix=".mat", decoder=dict(type="MatDecoder", key="depth")),
    normals=dict(kind="normals", folder="normals", suffix=".jpg"),
    edges=dict(kind="label", folder="edge", value_map={255: 1}, classes=("background", "edge")),
)

_dataset = dict(
    data_root=data_root,
    img=dict(folder="images", suffix=".jpg"),
    tasks=tasks,
    how_to_get="The NYUD_MT release of ASTMT (Maninis et al., CVPR 2019)",
)
train_dataloader = dict(dataset=_dataset)
val_dataloader = dict(dataset=_dataset)
test_dataloader = dict(dataset=_dataset)
