"""NYU-v2 at 480x640, 40 classes, ResNet-34 with DeepLabV3+ decoders: the paper's setting, stable training."""

_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/nyud_480x640.py",
    "../_base_/models/dymu_semseg_depth_normals.py",
    "../_base_/schedules/stable.py",
]

sizes = dict(in_channels=512, c1_in_channels=64, channels=256, c1_channels=48, dilations=(1, 12, 24, 36))
model = dict(
    tasks=("semseg", "normals", "depth"),
    image_size=(480, 640),
    data_preprocessor=dict(
        type="MultiTaskDataPreprocessor", mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    stream=dict(
        granularity="stage",
        backbone=dict(
            type="mmpretrain.ResNet",
            depth=34,
            # mmpretrain's basic blocks cannot be dilated: output stride 16 comes from the last stage's stride alone.
            strides=(1, 2, 2, 1),
            out_indices=(0, 3),
            norm_cfg=dict(type="BN", requires_grad=True),
            init_cfg=dict(
                type="Pretrained",
                checkpoint="https://download.openmmlab.com/mmclassification/v0/resnet/"
                "resnet34_8xb32_in1k_20210831-f257d4e6.pth",
                prefix="backbone.",
            ),
        ),
    ),
    heads=dict(semseg=dict(num_classes=40, **sizes), depth=dict(decoder=sizes), normals=dict(decoder=sizes)),
)

# 200 epochs of 795 frames in batches of 8.
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(stages=dict(anchor=dict(max_iters=20_000), weights=dict(max_iters=6000)))
