"""PASCAL-Context as in BMTAS (Bruggemann et al., BMVC 2020): scale, pad, crop, flip; no rotation, no colour changes."""

crop_size = (512, 512)
# The padding is 127.5, the middle of the range; images are bytes until the data preprocessor.
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomResize", ratios=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)),
    dict(type="mmdymu.MultiTaskPad", size=crop_size, img_value=128),
    dict(type="mmseg.RandomCrop", crop_size=crop_size),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.IgnoreEmptyLabels", tasks=("parts",)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
# Scored on the padded frame, where what was added is ignored.
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskPad", size=crop_size, img_value=128, as_original=True),
    dict(type="mmdymu.IgnoreEmptyLabels", tasks=("parts",)),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
