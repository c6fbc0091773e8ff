"""NYU-v2 arrays as in MTAN (Liu et al., CVPR 2019): scales 1, 1.2, 1.5 with a crop back to the frame's size, flip."""

crop_size = (288, 384)
train_pipeline = [
    dict(type="mmdymu.LoadImageFromArray"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.MultiTaskRandomResize", ratios=(1.0, 1.2, 1.5)),
    dict(type="mmseg.RandomCrop", crop_size=crop_size),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
test_pipeline = [
    dict(type="mmdymu.LoadImageFromArray"),
    dict(type="mmdymu.LoadMultiTaskAnnotations"),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
