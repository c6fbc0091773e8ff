"""The five tasks of PASCAL-Context on DeepLabV3+ decoders; a config adds the stream and the sizes."""

norm_cfg = dict(type="BN", requires_grad=True)
deeplab = dict(
    type="mmseg.DepthwiseSeparableASPPHead",
    in_index=-1,
    channels=128,
    c1_channels=48,
    dilations=(1, 6, 12, 18),
    dropout_ratio=0.1,
    norm_cfg=norm_cfg,
    align_corners=False,
)
cross_entropy = dict(type="mmseg.CrossEntropyLoss", avg_non_ignore=True)
model = dict(
    type="ControllableSegmentor",
    tasks=("semseg", "parts", "saliency", "normals", "edges"),
    image_size=(512, 512),
    heads=dict(
        semseg=dict(**deeplab, num_classes=21, loss_decode=cross_entropy),
        parts=dict(**deeplab, num_classes=7, loss_decode=cross_entropy),
        saliency=dict(type="SaliencyHead", decoder=dict(**deeplab, num_classes=1, threshold=0.5)),
        normals=dict(type="NormalsHead", decoder=dict(**deeplab, num_classes=3)),
        edges=dict(type="EdgesHead", decoder=dict(**deeplab, num_classes=1, threshold=0.5)),
    ),
    edge_hypernet=dict(type="EdgeHypernet"),
    weight_hypernet=dict(type="WeightHypernet"),
)
val_evaluator = [
    dict(type="SegmentationMetric", task="semseg"),
    dict(type="SegmentationMetric", task="parts"),
    dict(type="SaliencyMetric"),
    dict(type="NormalsMetric"),
    # Matching takes longer than predicting on a GPU, so it runs beside it.
    dict(type="EdgesMetric", num_workers=2),
]
test_evaluator = val_evaluator
