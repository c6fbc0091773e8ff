"""NYU Depth V2 as tools/dataset_converters/nyuv2.py writes it by default: 480x640, 40 classes, everything as PNG.

Normals are fitted to the depth. Another crop or size needs no change here; 13 classes need the names of nyud_256.py.
"""

_base_ = ["./nyud.py"]

data_root = "{{$MMDYMU_DATA_ROOT:data}}/nyuv2"

tasks = dict(
    semseg=dict(kind="label", classes={{_base_.classes}}),
    depth=dict(kind="depth", scale=0.001),
    normals=dict(kind="normals", scale=1 / 32767.5, offset=-1, ignore=(0,)),
    edges=dict(kind="label", classes=("background", "edge")),
)

_dataset = dict(
    data_root=data_root,
    img=dict(folder="images", suffix=".png"),
    tasks=tasks,
    how_to_get="tools/dataset_converters/nyuv2.py makes it from the official files of NYU Depth V2",
)
train_dataloader = dict(dataset=dict(ann_file="train.txt", **_dataset))
val_dataloader = dict(dataset=dict(ann_file="test.txt", **_dataset))
test_dataloader = dict(dataset=dict(ann_file="test.txt", **_dataset))
