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
