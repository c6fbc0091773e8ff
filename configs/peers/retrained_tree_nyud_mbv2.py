"""One tree of nyud_mbv2.py's controller, retrained from the initial weights for the uniform preference.

It stands beside the network that a search such as BMTAS's ends with. For equal cost, the same tool tells the searched
tree's FLOPs and the controller's best tree that has no more:

    python tools/tree.py configs/peers/bmtas_nyud_mbv2.py BMTAS_CHECKPOINT
    python tools/tree.py configs/dymu/nyud_mbv2.py CHECKPOINT --budget flops=N
    python tools/train.py configs/peers/retrained_tree_nyud_mbv2.py --cfg-options "model.edge_hypernet.tree=[[…],…]"

The last line that it prints is this setting. In a suite, `tree_of` and `flops_of` do all of it.
"""

_base_ = ["./static_trunk_nyud_mbv2.py"]

# What a controller of separate streams predicted for equal tasks at cost weight 0.5: one trunk to layer 2, two to layer
# 4, then three, counted from 0.
tree = [[0, 1, 2], [0, 1, 2], [0, 0, 2], [0, 1, 2], [0, 1, 0], [0, 1, 2], [0, 1, 2], [0, 1, 2]]
model = dict(edge_hypernet=dict(tree=tree))
