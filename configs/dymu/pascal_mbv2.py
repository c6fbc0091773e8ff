"""PASCAL-Context, five tasks, MobileNetV2 with DeepLabV3+ decoders: the paper's setting, trained as in BMTAS."""

_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/pascal_context_bmtas.py",
    "../_base_/models/dymu_pascal.py",
    "../_base_/schedules/stable.py",
]

# After _base_: before it, mmengine 0.10.7 would take this for a config of its other syntax.
import os.path as osp

# Weights of your own lie in data/weights; without them the usual ImageNet weights are downloaded when training starts.
local = "{{$MMDYMU_DATA_ROOT:data}}/weights/mobilenet_v2_1.0_imagenet_int8deq_mmpretrain.pth"
if osp.isfile(local):
    pretrained = dict(type="Pretrained", checkpoint=local)
    normalise = dict(mean=[127.5] * 3, std=[127.5] * 3)
else:
    pretrained = dict(
        type="Pretrained",
        checkpoint="https://download.openmmlab.com/mmclassification/v0/mobilenet_v2/"
        "mobilenet_v2_batch256_imagenet_20200708-3b2dc3af.pth",
        prefix="backbone.",
    )
    normalise = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])

sizes = dict(in_channels=320, c1_in_channels=24)
model = dict(
    data_preprocessor=dict(type="MultiTaskDataPreprocessor", bgr_to_rgb=True, **normalise),
    stream=dict(
        granularity="stage",
        # Five layers, so that the 5^6 path losses fit into a table.
        merge=(3, 2, 1, 1, 1),
        backbone=dict(
            type="mmseg.MobileNetV2",
            strides=(1, 2, 2, 2, 1, 1, 1),
            dilations=(1, 1, 1, 1, 1, 2, 2),
            out_indices=(1, 6),
            norm_cfg=dict(type="BN", requires_grad=True),
            init_cfg=pretrained,
        ),
    ),
    heads=dict(
        semseg=sizes,
        parts=sizes,
        saliency=dict(decoder=sizes),
        normals=dict(decoder=sizes),
        edges=dict(decoder=sizes),
    ),
)

# As BMTAS trains its networks: 40 000 iterations of 16 images.
optim_wrapper = dict(optimizer=dict(_delete_=True, type="SGD", lr=0.005, momentum=0.9, weight_decay=1e-4))
train_cfg = dict(
    stages=dict(
        anchor=dict(max_iters=40_000, param_scheduler=[dict(type="PolyLR", power=0.9, eta_min=0)]),
        edges=dict(max_iters=10_000),
        weights=dict(max_iters=10_000),
    )
)
