"""PASCAL-Context with five tasks, in the layout of the PASCAL_MT release (ASTMT) and of the PASCALContext tar.

For the tar, link or rename its folder to PASCAL_MT. Labels of another size than their image are brought to it by the
nearest pixel, normals too, which ASTMT interpolates. With parts as the only task add require=("parts",) to leave out
images without people.

Add a pipeline: pascal_context_bmtas.py, pascal_context_astmt.py, pascal_context_atrc.py.
"""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/PASCAL_MT"

# Classes of the 459 in PASCAL-Context that also occur indoors, in NYU-v2: normals count on these alone.
indoor_ids = (
    3, 4, 6, 9, 10, 11, 13, 15, 17, 18, 22, 23, 29, 30, 33, 34, 36, 37, 38, 39, 41, 43, 46, 49, 50, 51, 53, 55, 56, 59,
    61, 62, 65, 66, 68, 69, 72, 73, 78, 83, 84, 85, 87, 88, 95, 96, 101, 104, 105, 107, 111, 113, 115, 122, 124, 135,
    141, 142, 143, 146, 150, 154, 157, 158, 159, 165, 172, 174, 181, 183, 184, 191, 193, 195, 197, 199, 202, 213, 215,
    216, 219, 220, 223, 225, 228, 230, 232, 233, 238, 239, 242, 243, 246, 250, 251, 252, 255, 260, 261, 263, 269, 272,
    273, 275, 281, 283, 284, 285, 286, 287, 288, 290, 291, 292, 293, 295, 304, 307, 309, 310, 314, 315, 319, 323, 329,
    330, 331, 336, 342, 345, 349, 350, 351, 352, 355, 357, 368, 370, 371, 374, 379, 380, 383, 384, 397, 401, 403, 405,
    407, 408, 411, 412, 413, 414, 417, 419, 421, 423, 427, 429, 430, 432, 440, 441, 442, 443, 444, 446, 454, 457,
)  # fmt: skip

tasks = dict(
    semseg=dict(
        kind="label",
        # Where both exist, VOC 2012's own labels count.
        folder=("semseg/VOC12", "semseg/pascal-context"),
        suffix=".png",
        resize=True,
        classes=(
            "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
            "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
            "train", "tvmonitor",
        ),
    ),
    # Other groupings: parts=1, 4 or 14 and as many classes beside the background.
    parts=dict(
        kind="label",
        folder="human_parts",
        suffix=".mat",
        decoder=dict(type="PascalPartsDecoder", parts=6),
        resize=True,
        classes=("background", "head", "torso", "upper arms", "lower arms", "upper legs", "lower legs"),
    ),
    # A probability stored as a byte: above one half is salient.
    saliency=dict(
        kind="label",
        folder="sal_distill",
        suffix=".png",
        value_map=[0] * 128 + [1] * 128,
        resize=True,
        classes=("background", "salient"),
    ),
    # Black, too, marks pixels without a normal. y points down: so ASTMT turns these normals with their image.
    normals=dict(
        kind="normals",
        folder="normals_distill",
        suffix=".png",
        ignore=(0,),
        y_down=True,
        resize=True,
        mask=dict(
            folder="pascal-context/trainval",
            suffix=".mat",
            decoder=dict(type="MembershipDecoder", key="LabelMap", ids=indoor_ids),
        ),
    ),
    edges=dict(
        kind="label",
        folder="pascal-context/trainval",
        suffix=".mat",
        decoder=dict(type="BordersDecoder", key="LabelMap", width=1),
        resize=True,
        classes=("background", "edge"),
    ),
)  # fmt: skip

# What tools/check_dataset.py compares with.
release = dict(
    train=4998,
    val=5105,
    files={
        "JPEGImages/*.jpg": 10103,
        "semseg/*/*.png": 13018,
        "human_parts/*.mat": 10103,
        "pascal-context/trainval/*.mat": 10103,
        "normals_distill/*.png": 10103,
        "sal_distill/*.png": 10103,
    },
)
_dataset = dict(
    type="mmdymu.MultiTaskDataset",
    data_root=data_root,
    img=dict(folder="JPEGImages", suffix=".jpg"),
    tasks=tasks,
    how_to_get="The PASCAL_MT release of ASTMT (Maninis et al., CVPR 2019), or the PASCALContext tar of ATRC",
)
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(ann_file="ImageSets/Context/train.txt", **_dataset),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file="ImageSets/Context/val.txt", test_mode=True, **_dataset),
)
test_dataloader = val_dataloader
