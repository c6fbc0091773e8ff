"""CIFAR-100 as twenty tasks of five classes, one for each superclass; an image counts for its own task only.

Unpack cifar-100-python.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html into the data folder.
"""

data_root = "{{$MMDYMU_DATA_ROOT:data}}/cifar-100-python"

# What tools/check_dataset.py compares with.
release = dict(train=50_000, test=10_000)

train_pipeline = [
    # The paper does not state its augmentation: the usual one for these images is our choice.
    dict(type="mmdymu.MultiTaskPad", size=(40, 40)),
    dict(type="mmdymu.MultiTaskRandomCrop", crop_size=(32, 32)),
    dict(type="mmdymu.MultiTaskRandomFlip", prob=0.5),
    dict(type="mmdymu.PackMultiTaskInputs"),
]
test_pipeline = [dict(type="mmdymu.PackMultiTaskInputs")]

train_dataloader = dict(
    # 50 images of each task, 50 iterations an epoch.
    batch_size=1000,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="mmdymu.TaskBalancedSampler"),
    dataset=dict(type="mmdymu.CIFAR100Tasks", split="train", data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=500,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmdymu.CIFAR100Tasks", split="test", data_root=data_root, pipeline=test_pipeline, test_mode=True
    ),
)
test_dataloader = val_dataloader
