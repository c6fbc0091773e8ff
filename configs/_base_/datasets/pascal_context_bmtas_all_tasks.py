"""pascal_context_bmtas.py, scored on images that have content for all tasks (ASTMT's val_all_tasks_present: 1853)."""

_base_ = ["./pascal_context_bmtas.py"]

present = ("semseg", "parts", "saliency", "normals", "edges")
val_dataloader = dict(dataset=dict(require=present))
test_dataloader = dict(dataset=dict(require=present))
