"""All methods on NYU-v2 frames at half size, MobileNetV2 x0.35, three tasks, three seeds.

All have the schedule of the single-task nets, their initial weights of a seed, and their w_i, but `dymu`, whose
`streams` have as many iterations, three quarters as one trunk, and w_i of their own.
"""

_base_ = ["../_base_/suites/dymu_stages.py"]

# The single-task nets' losses put all methods' losses on one scale.
weights = "{checkpoint:single_task}"
one_cost = dict(cost_weights=(0.0,))
tree = {"train_cfg.stages.tree.objective.loss_weights": weights}
search = {"train_cfg.stages.search.objective.loss_weights": weights}
dymu = "../dymu/nyud_mbv2.py"
no_oracle = dict(oracle_images=0)
# Networks of no controller, each task's stream for itself.
no_controller = {**_base_.only_streams, **_base_.no_weight_hypernet}
own_streams = {**no_controller, "run_anchor": True}

benchmark = dict(
    title="NYU-v2 at half size, MobileNetV2 x0.35: semseg, depth, normals",
    seeds=(0, 1, 2),
    reference="single_task",
    # Near the corners, all alike, and one that is skewed: a static net is trained for each. In a corner itself it would
    # have untrained heads.
    preferences=[(0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9), (1, 1, 1), (0.6, 0.3, 0.1)],
    sweep=dict(preferences=20, cost_weights=(0.0, 0.5, 1.0), seed=0, references=(2.0, 3.0), oracle_images=64),
    runs=dict(
        single_task=dict(config="../peers/single_task_nyud_mbv2.py", label="Single-task nets", sweep=one_cost),
        static_trunk=dict(
            config="../peers/static_trunk_nyud_mbv2.py",
            label="Shared trunks, one a preference",
            preference_option="train_cfg.stages.tree.objective.preference",
            cfg_options=tree,
            sweep=one_cost,
        ),
        # What DYMU's trunk stage does, for one preference: how much of DYMU is the trunk's losses?
        geometric_trunk=dict(
            config="../peers/static_trunk_nyud_mbv2.py",
            label="Shared trunk for equal tasks, geometric mean of losses",
            cfg_options={**tree, "train_cfg.stages.tree.objective.scalarization": "geometric"},
            sweep=one_cost,
        ),
        phn=dict(config="../peers/phn_nyud_mbv2.py", label="PHN", cfg_options=tree, sweep=one_cost),
        phn_bn=dict(config="../peers/phn_bn_nyud_mbv2.py", label="PHN-BN", cfg_options=tree, sweep=one_cost),
        ltb=dict(config="../peers/ltb_nyud_mbv2.py", label="LTB", cfg_options=search, sweep=one_cost),
        bmtas=dict(config="../peers/bmtas_nyud_mbv2.py", label="BMTAS", cfg_options=search, sweep=one_cost),
        # Of as many iterations, but these are other nets than the single-task ones.
        streams=dict(config=dymu, cfg_options=_base_.only_streams, swept=False),
        tables=dict(config=dymu, load_from="streams", cfg_options=_base_.only_table, swept=False),
        trees=dict(config=dymu, load_from="tables", cfg_options=_base_.only_edges, swept=False),
        # A tree of DYMU's for equal tasks, at most as expensive as BMTAS's, as a static net.
        retrained=dict(
            config="../peers/retrained_tree_nyud_mbv2.py",
            label="DYMU's tree, retrained",
            tree_of="trees",
            flops_of="bmtas",
            cfg_options=tree,
            sweep=one_cost,
        ),
        dymu=dict(config=dymu, label="DYMU", load_from="trees", cfg_options=_base_.only_weights, sweep=no_oracle),
        dymu_bare=dict(
            config=dymu,
            label="DYMU without weight hypernet",
            load_from="trees",
            trains=False,
            cfg_options={**_base_.only_edges, **_base_.no_weight_hypernet},
        ),
        # How much of DYMU is its streams' schedule, how much the common trunk, and how much the iterations apart?
        single_task_start=dict(
            config="../peers/single_task_nyud_mbv2.py",
            cfg_options={
                "train_cfg.stages.anchor.max_iters": 1800,
                "train_cfg.stages.anchor.param_scheduler": [
                    dict(type="LinearLR", start_factor=0.1, begin=0, end=50),
                    dict(type="PolyLR", power=0.9, eta_min=3e-4, begin=50),
                ],
            },
            swept=False,
        ),
        single_task_restarted=dict(
            config=dymu,
            label="Single-task nets on the schedule of DYMU's streams",
            load_from="single_task_start",
            cfg_options={**own_streams, "train_cfg.skip": ["trunk"]},
            sweep=one_cost,
        ),
        trunk_restarted=dict(
            config=dymu,
            label="Shared trunk for equal tasks on the schedule of DYMU's streams",
            cfg_options={
                **no_controller,
                "model.edge_hypernet": dict(_delete_=True, type="FixedEdges", tree="shared"),
                "train_cfg.stages.anchor.objective": dict(
                    _delete_=True, type="TreeObjective", preference=[1, 1, 1], scalarization="geometric"
                ),
            },
            sweep=one_cost,
        ),
        own_streams=dict(
            config=dymu,
            label="DYMU's streams, each its own task",
            load_from="streams",
            trains=False,
            cfg_options=own_streams,
            sweep=one_cost,
        ),
        # The paper's streams: the single-task nets themselves.
        separate=dict(
            config="../dymu/nyud_mbv2_separate.py",
            label="DYMU on single-task streams",
            load_from="single_task",
            cfg_options={"train_cfg.skip": ["trunk", "anchor"]},
            sweep=no_oracle,
        ),
        separate_bare=dict(
            config="../dymu/nyud_mbv2_separate.py",
            label="DYMU on single-task streams without weight hypernet",
            load_from="separate",
            trains=False,
            cfg_options=_base_.no_weight_hypernet,
        ),
    ),
)
