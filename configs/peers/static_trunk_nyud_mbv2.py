"""A shared trunk with one head a task, trained for one fixed preference, on the schedule of the single-task nets.

Another preference: --cfg-options 'train_cfg.stages.tree.objective.preference=[0.6,0.2,0.2]'.
"""

_base_ = ["../dymu/nyud_mbv2_separate.py"]

model = dict(edge_hypernet=dict(_delete_=True, type="FixedEdges", tree="shared"), weight_hypernet=None)

train_cfg = dict(
    stages=dict(
        anchor=None,
        edges=None,
        weights=None,
        tree=dict(
            max_iters={{_base_.train_cfg.stages.anchor.max_iters}},
            param_scheduler={{_base_.train_cfg.stages.anchor.param_scheduler}},
            objective=dict(
                type="TreeObjective",
                preference=[1, 1, 1],
                # 1 / (losses of the single-task nets on training images), as single_task_nyud_mbv2.py measures them
                # with seed 0. A checkpoint's path in place of the numbers takes or measures those of its single-task
                # nets.
                loss_weights=dict(semseg=1.847, depth=2.402, normals=1.402),
                images={{_base_.train_cfg.stages.edges.objective.images}},
            ),
        ),
    )
)
