"""NYU-v2 frames at half size, three tasks, MobileNetV2 x0.35: under an hour on two cores."""

_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/nyud_256.py",
    "../_base_/models/dymu_semseg_depth_normals.py",
    "../_base_/schedules/stable.py",
]

weights = "{{$MMDYMU_DATA_ROOT:data}}/weights/mobilenet_v2_0.35_imagenet_mmpretrain.pth"
sizes = dict(in_channels=112, c1_in_channels=8)
model = dict(
    image_size=(128, 168),
    data_preprocessor=dict(type="MultiTaskDataPreprocessor", mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    stream=dict(
        granularity="stage",
        backbone=dict(
            type="mmseg.MobileNetV2",
            widen_factor=0.35,
            strides=(1, 2, 2, 2, 1, 1, 1),
            dilations=(1, 1, 1, 1, 1, 2, 2),
            out_indices=(1, 6),
            norm_cfg=dict(type="BN", requires_grad=True),
            init_cfg=dict(type="Pretrained", checkpoint=weights),
        ),
    ),
    heads=dict(semseg=dict(num_classes=13, **sizes), depth=dict(decoder=sizes), normals=dict(decoder=sizes)),
)

# 48 epochs of 795 frames.
train_cfg = dict(stages=dict(anchor=dict(max_iters=2400)))
