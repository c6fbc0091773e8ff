"""CIFAR-100 as twenty five-way tasks on ResNet-9 streams (the paper's fourth setting).

From the paper: ResNet-9, Adam, learning rate 1e-3, weight decay 1e-5, 75 epochs. Our choices, where it says nothing:
batch size, augmentation, a constant learning rate, the trunk stage, and the settings of the hypernets' stages, which
have not been tuned on this data set.
"""

_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/cifar100.py",
    "../_base_/schedules/stable.py",
]

tasks = (
    "aquatic_mammals",
    "fish",
    "flowers",
    "food_containers",
    "fruit_and_vegetables",
    "household_electrical_devices",
    "household_furniture",
    "insects",
    "large_carnivores",
    "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores",
    "medium_mammals",
    "non-insect_invertebrates",
    "people",
    "reptiles",
    "small_mammals",
    "trees",
    "vehicles_1",
    "vehicles_2",
)
model = dict(
    type="ControllableClassifier",
    tasks=tasks,
    image_size=(32, 32),
    data_preprocessor=dict(
        type="MultiTaskDataPreprocessor",
        mean=[129.304, 124.070, 112.434],
        std=[68.170, 65.392, 70.418],
        bgr_to_rgb=True,
    ),
    stream=dict(granularity="stage", backbone=dict(type="ResNet9", base_channels=64)),
    heads={task: dict(type="mmpretrain.LinearClsHead", num_classes=5, in_channels=512) for task in tasks},
    edge_hypernet=dict(type="EdgeHypernet"),
    weight_hypernet=dict(type="WeightHypernet"),
)

optim_wrapper = dict(optimizer=dict(_delete_=True, type="Adam", lr=1e-3, weight_decay=1e-5))
train_cfg = dict(
    stages=dict(
        # 10 epochs: without pretrained weights a short shared-trunk stage gives all streams their common start.
        trunk=dict(max_iters=500, objective=dict(type="TrunkObjective")),
        # 75 epochs.
        anchor=dict(max_iters=3750, param_scheduler=[]),
        edges=dict(
            # 20 images, one of each task, for each preference of a step.
            batch_size=160,
            objective=dict(
                # 20^5 path losses are too many for a table.
                source="images",
                preferences_per_step=8,
                # All losses are five-way cross entropies and need no common scale. Those of the training images are
                # near 0 after 75 epochs, so 1 / loss would say more of overfitting than of the tasks.
                loss_weights=dict.fromkeys(tasks, 1.0),
                affinity_images=100,
            ),
        ),
        weights=dict(batch_size=400),
    )
)
# 100 of each task.
custom_hooks = [dict(type="PreferenceHook", calibration_images=2000)]

val_evaluator = [
    *(dict(type="AccuracyMetric", task=task) for task in tasks),
    dict(type="MeanAccuracyMetric", tasks=tasks),
]
test_evaluator = val_evaluator
