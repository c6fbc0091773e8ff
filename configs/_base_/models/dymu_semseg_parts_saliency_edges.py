"""Four dense tasks of clothing photos on narrow DeepLabV3+ decoders; a config adds the stream and the sizes."""

norm_cfg = dict(type="BN", requires_grad=True)
deeplab = dict(
    type="mmseg.DepthwiseSeparableASPPHead",
    in_index=-1,
    channels=48,
    c1_channels=16,
    dilations=(1, 3, 6),
    dropout_ratio=0.1,
    norm_cfg=norm_cfg,
    align_corners=False,
)
cross_entropy = dict(type="mmseg.CrossEntropyLoss", avg_non_ignore=True)
model = dict(
    type="ControllableSegmentor",
    tasks=("semseg", "parts", "saliency", "edges"),
    heads=dict(
        semseg=dict(**deeplab, loss_decode=cross_entropy),
        parts=dict(**deeplab, loss_decode=cross_entropy),
        saliency=dict(type="SaliencyHead", decoder=dict(**deeplab, num_classes=1, threshold=0.5)),
        edges=dict(type="EdgesHead", decoder=dict(**deeplab, num_classes=1, threshold=0.5)),
    ),
    edge_hypernet=dict(type="EdgeHypernet"),
    weight_hypernet=dict(type="WeightHypernet"),
)
# A sweep scores the edges of many networks: nine of the benchmarks' 101 thresholds take a fifth of the time, 0.04 s an
# image.
val_evaluator = [
    dict(type="SegmentationMetric", task="semseg"),
    dict(type="SegmentationMetric", task="parts"),
    dict(type="SaliencyMetric"),
    dict(type="EdgesMetric", thresholds=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
]
test_evaluator = val_evaluator
