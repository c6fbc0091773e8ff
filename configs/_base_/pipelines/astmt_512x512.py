"""PASCAL-Context as in ASTMT (Maninis et al., CVPR 2019): flip, rotate and scale in one warp, squeeze to 512x512.

Two differences: what the warp brings in from outside is ignored, not background, and every label takes the nearest
pixel, where ASTMT interpolates normals and depth across their invalid pixels.
"""

crop_size = (512, 512)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.MultiTaskRandomRotate", degrees=20.0, scale_range=(0.75, 1.25), rescale_depth=False),
    dict(type="mmseg.Resize", scale=crop_size, keep_ratio=False),
    dict(type="mmdymu.IgnoreEmptyLabels", tasks=("parts",)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
# Labels are loaded after the resizing: predictions are scored at full size.
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmseg.Resize", scale=crop_size, keep_ratio=False),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.IgnoreEmptyLabels", tasks=("parts",)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
