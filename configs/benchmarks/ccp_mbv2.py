"""Four tasks of clothing photos, MobileNetV2 x0.35; the methods of nyud_mbv2_4task.py, one seed."""

_base_ = ["./nyud_mbv2_4task.py"]

photos = dict(config="../dymu/ccp_mbv2.py")
benchmark = dict(
    title="Clothing photos at half size, MobileNetV2 x0.35: semseg, parts, saliency, edges",
    runs=dict(single_task=photos, static_trunk=photos, phn_bn=photos, dymu_bare=photos, dymu=photos),
)
