"""NYU Depth V2 as the NYUDv2 tar of ATRC has it (also used by InvPT): 425x560, images, labels and normals as PNG."""

_base_ = ["./nyud.py"]

data_root = "{{$MMDYMU_DATA_ROOT:data}}/NYUDv2"

tasks = dict(
    semseg=dict(kind="label", folder="segmentation", offset=-1, ignore=(0, 255), classes={{_base_.classes}}),
    depth=dict(kind="depth", folder="depth", suffix=".npy"),
    normals=dict(kind="normals", folder="normals", suffix=".png"),
    edges=dict(kind="label", folder="edge", value_map={255: 1}, classes=("background", "edge")),
)

_dataset = dict(
    data_root=data_root,
    img=dict(folder="images", suffix=".png"),
    tasks=tasks,
    how_to_get="The NYUDv2 tar of ATRC (Bruggemann et al., ICCV 2021)",
)
train_dataloader = dict(dataset=_dataset)
val_dataloader = dict(dataset=_dataset)
test_dataloader = dict(dataset=_dataset)
