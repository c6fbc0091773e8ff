"""What every config of this project shares: scope, hooks, logging, seed."""

default_scope = "mmdymu"
custom_imports = dict(imports=["mmdymu"], allow_failed_imports=False)

env_cfg = dict(
    cudnn_benchmark=True, mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0), dist_cfg=dict(backend="nccl")
)
randomness = dict(seed=0)

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="SafeCheckpointHook", by_epoch=False, interval=200, max_keep_ckpts=2),
    visualization=dict(type="MultiTaskVisualizationHook"),
)
# Reads `pref`, `cost_weight` and `norm_statistics`; they are left unset here, which means uniform, 0 and running.
custom_hooks = [dict(type="PreferenceHook")]

# Defaults of tools/sweep.py. References: losses at the reference point of the hypervolume, single-task nets = 1.
sweep = dict(preferences=20, cost_weights=(0.0, 0.5, 1.0), seed=0, references=(2.0, 3.0))

vis_backends = [dict(type="LocalVisBackend")]
visualizer = dict(type="MultiTaskVisualizer", vis_backends=vis_backends, name="visualizer")
log_processor = dict(by_epoch=False, window_size=50)
log_level = "INFO"
load_from = None
resume = False
