"""Four tasks of NYU-v2 frames, edges among them, MobileNetV2 x0.35; one seed, half of nyud_mbv2.py's stream iterations.

The peers are the four-task config of separate streams with other settings: a static net's objective takes the place of
the anchor's, on the same schedule.
"""

_base_ = ["../_base_/suites/dymu_stages.py"]

one_cost = dict(cost_weights=(0.0,))
peer = dict(config="../dymu/nyud_mbv2_4task_separate.py")
dymu = dict(config="../dymu/nyud_mbv2_4task.py")
# 24 epochs, DYMU's divided as in nyud_mbv2.py.
peer_iters = {"train_cfg.stages.anchor.max_iters": 1200}
dymu_iters = {"train_cfg.stages.trunk.max_iters": 900, "train_cfg.stages.anchor.max_iters": 300}
trunk = {
    **peer_iters,
    **_base_.only_streams,
    "model.edge_hypernet": dict(type="FixedEdges", tree="shared"),
    "train_cfg.stages.anchor.objective.type": "TreeObjective",
    # The single-task nets' losses put all methods' losses on one scale.
    "train_cfg.stages.anchor.objective.loss_weights": "{checkpoint:single_task}",
}

benchmark = dict(
    title="NYU-v2 at half size, MobileNetV2 x0.35: semseg, depth, normals, edges",
    seeds=(0,),
    reference="single_task",
    preferences=[(1, 1, 1, 1), (0.4, 0.3, 0.2, 0.1)],
    sweep=dict(preferences=20, cost_weights=(0.0, 1.0), seed=0, references=(2.0, 3.0), oracle_images=32),
    runs=dict(
        single_task=dict(
            **peer,
            label="Single-task nets",
            cfg_options={
                **peer_iters,
                **_base_.only_streams,
                **_base_.no_weight_hypernet,
                "train_cfg.stages.anchor.objective.scale_images": 24,
                "run_anchor": True,
            },
            sweep=one_cost,
        ),
        static_trunk=dict(
            **peer,
            label="Shared trunks, one a preference",
            preference_option="train_cfg.stages.anchor.objective.preference",
            cfg_options={**trunk, **_base_.no_weight_hypernet},
            sweep=one_cost,
        ),
        phn_bn=dict(
            **peer,
            label="PHN-BN",
            cfg_options={
                **trunk,
                "train_cfg.stages.anchor.objective.concentrations": (0.2, 1.0),
                "norm_statistics": "calibrated",
            },
            sweep=one_cost,
        ),
        streams=dict(**dymu, cfg_options={**dymu_iters, **_base_.only_streams}, swept=False),
        tables=dict(**dymu, load_from="streams", cfg_options={**dymu_iters, **_base_.only_table}, swept=False),
        trees=dict(**dymu, load_from="tables", cfg_options={**dymu_iters, **_base_.only_edges}, swept=False),
        dymu=dict(
            **dymu,
            label="DYMU",
            load_from="trees",
            cfg_options={**dymu_iters, **_base_.only_weights},
            sweep=dict(oracle_images=0),
        ),
        dymu_bare=dict(
            **dymu,
            label="DYMU without weight hypernet",
            load_from="trees",
            trains=False,
            cfg_options={**dymu_iters, **_base_.only_edges, **_base_.no_weight_hypernet},
            sweep=dict(oracle_images=64),
        ),
    ),
)
