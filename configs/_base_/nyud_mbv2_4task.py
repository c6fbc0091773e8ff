"""nyud_mbv2.py with a fourth task: edges, the borders between the frames' label segments; without a schedule.

They are derived from the labels, so scores compare with no published table of NYU-v2 edges.
"""

_base_ = ["./nyud_mbv2.py"]

# Training takes the nearest pixel of the one-pixel borders at half size: about half of them, but a fair sample.
tasks = dict(edges=dict(kind="label", folder="edges", suffix=".png", classes=("background", "edge")))
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = dict(dataset=dict(tasks=tasks))

model = dict(
    tasks=("semseg", "depth", "normals", "edges"),
    # Six layers, so that the 4 * 4^6 path losses fit into a table: what comes before the heads' early feature is one.
    stream=dict(merge=(3, 1, 1, 1, 1, 1)),
    # One channel, as for depth.
    heads=dict(edges=dict(type="EdgesHead", decoder={{_base_.model.heads.depth.decoder}})),
)
# A sweep scores the edges of many networks: nine of the benchmarks' 101 thresholds take a fifth of the time, 0.04 s an
# image. Matches reach 0.011 of the diagonal, as usual for NYU-v2.
val_evaluator = [
    dict(type="SegmentationMetric", task="semseg"),
    dict(type="DepthMetric"),
    dict(type="NormalsMetric"),
    dict(type="EdgesMetric", max_distance=0.011, thresholds=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
]
test_evaluator = val_evaluator
