"""nyud_480x640.py with its fourth task, edges."""

_base_ = ["./nyud_480x640.py"]

edges = dict(kind="label", folder="edge", suffix=".npy", classes=("background", "edge"))
train_dataloader = dict(dataset=dict(tasks=dict(edges=edges)))
val_dataloader = dict(dataset=dict(tasks=dict(edges=edges)))
test_dataloader = val_dataloader
