"""Clothing Co-Parsing photos with a short side of 256: 59 garments, 8 parts, the person as saliency, edges.

Garments and parts are those of clothing, not PASCAL-Person-Part's; parts, saliency and edges are derived from the 59.
"""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/ccp_256"
crop_size = (256, 256)

tasks = dict(
    semseg=dict(
        kind="label",
        folder="human59",
        suffix=".png",
        classes=(
            "background", "accessories", "bag", "belt", "blazer", "blouse", "bodysuit", "boots",
            "bra", "bracelet", "cape", "cardigan", "clogs", "coat", "dress", "earrings", "flats",
            "glasses", "gloves", "hair", "hat", "heels", "hoodie", "intimate", "jacket", "jeans",
            "jumper", "leggings", "loafers", "necklace", "panties", "pants", "pumps", "purse",
            "ring", "romper", "sandals", "scarf", "shirt", "shoes", "shorts", "skin", "skirt",
            "sneakers", "socks", "stockings", "suit", "sunglasses", "sweater", "sweatshirt",
            "swimwear", "t-shirt", "tie", "tights", "top", "vest", "wallet", "watch", "wedges",
        ),
    ),
    parts=dict(
        kind="label",
        folder="human_parts8",
        suffix=".png",
        classes=(
            "background", "skin", "hair", "upper-body", "full-body", "lower-body", "footwear",
            "accessory",
        ),
    ),
    saliency=dict(
        kind="label", folder="human59", suffix=".png", value_map=[0] + [1] * 58, classes=("background", "person")
    ),
    edges=dict(kind="label", folder="edges", suffix=".png", classes=("background", "edge")),
)  # fmt: skip

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomResize", ratio_range=(0.75, 1.5)),
    dict(type="mmdymu.MultiTaskPad", size=crop_size, img_value=128),
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
release = dict(train=800, val=204)
_dataset = dict(
    type="mmdymu.MultiTaskDataset",
    data_root=data_root,
    img=dict(folder="images", suffix=".jpg"),
    tasks=tasks,
    how_to_get="Clothing Co-Parsing (Yang, Luo, Lin, CVPR 2014), resized to a short side of 256",
)
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(ann_file="train.txt", pipeline=train_pipeline, **_dataset),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file="val.txt", pipeline=test_pipeline, test_mode=True, **_dataset),
)
test_dataloader = val_dataloader
