"""Options of a suite's runs that train some of DYMU's stages: a change of one stage repeats only those that follow."""

only_streams = {"train_cfg.stages.edges": None, "train_cfg.stages.weights": None}
only_edges = {"train_cfg.skip": ["trunk", "anchor"], "train_cfg.stages.weights": None}
# The path table alone: the edge hypernet takes one step, at no rate, and begins anew in the runs behind.
only_table = {
    **only_edges,
    "train_cfg.stages.edges.max_iters": 1,
    "train_cfg.stages.edges.optim_wrapper.optimizer.lr": 0.0,
}
only_weights = {"train_cfg.skip": ["trunk", "anchor", "edges"]}
# Norms are those of the anchor.
no_weight_hypernet = {"model.weight_hypernet": None}
