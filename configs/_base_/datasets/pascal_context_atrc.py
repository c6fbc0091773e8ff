"""PASCAL-Context with the pipeline of ATRC."""

_base_ = ["./pascal_context.py", "../pipelines/atrc_512x512.py"]

train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
val_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}))
