"""NYU Depth V2 as AdaShare (Sun et al., NeurIPS 2020) lists it: 480x640, paths in nyu_v2_3task.json.

Normals are brought to [-1, 1] here and their x changes its sign in a mirrored image; AdaShare does neither, so that its
angles are not comparable.
"""

_base_ = ["./nyud.py"]

data_root = "{{$MMDYMU_DATA_ROOT:data}}/nyu_v2"

tasks = dict(
    semseg=dict(kind="label", ignore=(255,), classes={{_base_.classes}}),
    # White marks pixels without a normal.
    normals=dict(kind="normals", ignore=(255,)),
    depth=dict(kind="depth", suffix=".npy"),
)

_dataset = dict(
    data_root=data_root,
    type="mmdymu.PathListDataset",
    ann_file="nyu_v2_3task.json",
    columns=("img", "semseg", "normals", "depth"),
    tasks=tasks,
    how_to_get="The preprocessed NYU-v2 of AdaShare",
)
train_dataloader = dict(dataset=dict(split="train", **_dataset))
val_dataloader = dict(dataset=dict(split="test", **_dataset))
test_dataloader = dict(dataset=dict(split="test", **_dataset))
