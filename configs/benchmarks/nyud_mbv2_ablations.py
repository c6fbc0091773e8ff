"""What each part of the edge stage does, trained on the streams of nyud_mbv2.py; one seed.

Without the weight hypernet, so that trees alone differ, but for `dymu`. Streams, path table, the default's edges and
`dymu` are those of suite nyud_mbv2.py: copy their folders to spare their training, and --redo what is swept otherwise.
The variants of nyud_mbv2_paper.py are left out: each trains through images for the better part of an hour.
"""

_base_ = ["../_base_/suites/dymu_stages.py"]

settings = {**_base_.only_edges, **_base_.no_weight_hypernet}
edges_alone = dict(load_from="tables", cfg_options=settings)
# How evenly the share falls with c needs a cost weight between the ends.
with_half = dict(cost_weights=(0.0, 0.5, 1.0))

benchmark = dict(
    title="Ablations on NYU-v2 at half size, MobileNetV2 x0.35",
    seeds=(0,),
    reference="single_task",
    sweep=dict(preferences=20, cost_weights=(0.0, 1.0), seed=0, references=(2.0, 3.0)),
    runs=dict(
        single_task=dict(
            config="../peers/single_task_nyud_mbv2.py", label="Single-task nets", sweep=dict(cost_weights=(0.0,))
        ),
        streams=dict(config="../dymu/nyud_mbv2.py", cfg_options=_base_.only_streams, swept=False),
        tables=dict(config="../dymu/nyud_mbv2.py", load_from="streams", cfg_options=_base_.only_table, swept=False),
        trees=dict(config="../dymu/nyud_mbv2.py", load_from="tables", cfg_options=_base_.only_edges, swept=False),
        dymu=dict(
            config="../dymu/nyud_mbv2.py",
            label="Expected cost (default), with the weight hypernet",
            load_from="trees",
            cfg_options=_base_.only_weights,
        ),
        expected_cost=dict(
            config="../dymu/nyud_mbv2.py",
            label="Expected cost (default: price of c²)",
            load_from="trees",
            trains=False,
            cfg_options=settings,
            sweep=with_half,
        ),
        linear_price=dict(
            **edges_alone,
            config="../ablations/nyud_mbv2_linear_price.py",
            label="Expected cost, price of c",
            sweep=with_half,
        ),
        even_entropy=dict(
            **edges_alone,
            config="../ablations/nyud_mbv2_even_entropy.py",
            label="Expected cost, entropy falls evenly",
            sweep=with_half,
        ),
        no_inactive=dict(
            **edges_alone, config="../ablations/nyud_mbv2_no_inactive.py", label="Expected cost, no L_inactive"
        ),
        tau_06=dict(**edges_alone, config="../ablations/nyud_mbv2_tau_06.py", label="Expected cost, τ = 0.6/N"),
        dirichlet_02=dict(
            **edges_alone, config="../ablations/nyud_mbv2_dirichlet_02.py", label="Expected cost, Dirichlet(0.2)"
        ),
        dirichlet_1=dict(
            **edges_alone, config="../ablations/nyud_mbv2_dirichlet_1.py", label="Expected cost, Dirichlet(1)"
        ),
        active=dict(**edges_alone, config="../dymu/nyud_mbv2_active.py", label="L_active (τ = 0.6/N)"),
        active_no_inactive=dict(
            **edges_alone, config="../ablations/nyud_mbv2_active_no_inactive.py", label="L_active, no L_inactive"
        ),
        active_unweighted=dict(
            **edges_alone,
            config="../ablations/nyud_mbv2_active_unweighted.py",
            label="L_active without (L − l)/L and affinity",
        ),
        active_all_active=dict(
            **edges_alone, config="../ablations/nyud_mbv2_active_all_active.py", label="L_active, all tasks active"
        ),
        active_tau_03=dict(
            **edges_alone, config="../ablations/nyud_mbv2_active_tau_03.py", label="L_active, τ = 0.3/N"
        ),
        active_tau_10=dict(**edges_alone, config="../ablations/nyud_mbv2_active_tau_10.py", label="L_active, τ = 1/N"),
        active_tau_15=dict(
            **edges_alone, config="../ablations/nyud_mbv2_active_tau_15.py", label="L_active, τ = 1.5/N"
        ),
    ),
)
