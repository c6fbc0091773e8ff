"""Three dense tasks on DeepLabV3+ decoders; a config adds the stream and the sizes that depend on it."""

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
model = dict(
    type="ControllableSegmentor",
    tasks=("semseg", "depth", "normals"),
    heads=dict(
        semseg=dict(**deeplab, loss_decode=dict(type="mmseg.CrossEntropyLoss", avg_non_ignore=True)),
        depth=dict(type="DepthHead", decoder=dict(**deeplab, num_classes=1, threshold=0.5)),
        normals=dict(type="NormalsHead", decoder=dict(**deeplab, num_classes=3)),
    ),
    edge_hypernet=dict(type="EdgeHypernet"),
    weight_hypernet=dict(type="WeightHypernet"),
)
val_evaluator = [dict(type="SegmentationMetric", task="semseg"), dict(type="DepthMetric"), dict(type="NormalsMetric")]
test_evaluator = val_evaluator
