"""NYU Depth V2 in its widespread 480x640 form: 40-class semseg, depth and normals in metres and unit vectors.

Semseg PNGs hold 0 = unlabelled and 1 to 40; depth and normals are float arrays (.npy).
"""

_base_ = ["./nyud.py"]

data_root = "{{$MMDYMU_DATA_ROOT:data}}/NYUD_MT"

tasks = dict(
    semseg=dict(kind="label", folder="segmentation", offset=-1, ignore=(0, 255), classes={{_base_.classes}}),
    normals=dict(kind="normals", folder="normals", suffix=".npy", scale=1, offset=0),
    depth=dict(kind="depth", folder="depth", suffix=".npy"),
)

_dataset = dict(
    data_root=data_root,
    img=dict(folder="images", suffix=".jpg"),
    tasks=tasks,
    how_to_get="The NYUD_MT release of the multi-task learning survey (Vandenhende et al., TPAMI 2021)",
)
train_dataloader = dict(dataset=_dataset)
val_dataloader = dict(dataset=_dataset)
test_dataloader = dict(dataset=_dataset)
