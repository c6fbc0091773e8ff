"""Four tasks of clothing photos, MobileNetV2 x0.35; the methods of nyud_mbv2_4task.py, one seed, 16 epochs."""

_base_ = ["./nyud_mbv2_4task.py"]

peer = dict(config="../dymu/ccp_mbv2_separate.py", cfg_options={"train_cfg.stages.anchor.max_iters": 800})
dymu = dict(
    config="../dymu/ccp_mbv2.py",
    cfg_options={"train_cfg.stages.trunk.max_iters": 600, "train_cfg.stages.anchor.max_iters": 200},
)
benchmark = dict(
    title="Clothing photos at half size, MobileNetV2 x0.35: semseg, parts, saliency, edges",
    runs=dict(
        single_task=peer,
        static_trunk=peer,
        phn_bn=peer,
        streams=dymu,
        tables=dymu,
        trees=dymu,
        dymu=dymu,
        dymu_bare=dymu,
    ),
)
