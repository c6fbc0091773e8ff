"""PASCAL-Context as in ATRC (Bruggemann et al., ICCV 2021) and InvPT: any scale, balanced crop, flip, colours, pad."""

crop_size = (512, 512)
# They pad with 0 after the normalisation: ImageNet's mean, as BGR bytes.
padding = (104, 116, 124)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomResize", ratio_range=(0.5, 2.0)),
    dict(type="mmdymu.MultiTaskRandomCrop", crop_size=crop_size, cat_max_ratio=0.75, task="semseg"),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmseg.PhotoMetricDistortion"),
    dict(type="mmdymu.MultiTaskPad", size=crop_size, img_value=padding),
    dict(type="mmdymu.IgnoreEmptyLabels", tasks=("parts",)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskPad", size=crop_size, img_value=padding, as_original=True),
    dict(type="mmdymu.IgnoreEmptyLabels", tasks=("parts",)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
