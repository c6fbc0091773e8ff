"""NYU-v2 frames at half size, three tasks, MobileNetV2 x0.35: what all methods have in common but a schedule."""

_base_ = [
    "./default_runtime.py",
    "./datasets/nyud_256.py",
    "./models/dymu_semseg_depth_normals.py",
    "./models/mobilenet_v2_035.py",
]

sizes = dict(in_channels=112, c1_in_channels=8)
model = dict(
    image_size=(128, 168),
    data_preprocessor={{_base_.data_preprocessor}},
    stream=dict(granularity="stage", backbone={{_base_.backbone}}),
    heads=dict(semseg=dict(num_classes=13, **sizes), depth=dict(decoder=sizes), normals=dict(decoder=sizes)),
)
