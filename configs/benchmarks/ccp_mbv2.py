"""Four tasks of clothing photos, MobileNetV2 x0.35; the methods and iterations of nyud_mbv2_4task.py, one seed."""

_base_ = ["./nyud_mbv2_4task.py"]

peer, dymu = dict(config="../dymu/ccp_mbv2_separate.py"), dict(config="../dymu/ccp_mbv2.py")
benchmark = dict(
    title="Clothing photos at half size, MobileNetV2 x0.35: semseg, parts, saliency, edges",
    runs=dict(single_task=peer, static_trunk=peer, phn_bn=peer, dymu=dymu, dymu_bare=dymu),
)
