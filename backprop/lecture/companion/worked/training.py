"""A step of learning: theta = 1 with the gradient 2, by each optimizer; lr by each schedule. (15), (41) - (47)."""

SESSIONS = {
    "15": """
>>> theta = bp.Parameter(np.array([1.]))
>>> sgd = bp.SGD([theta], lr=0.1, momentum=0.9)
>>> theta.grad = np.array([2.])
>>> sgd.step(); theta.data                     # 1 - 0.1*2
array([0.8])
>>> sgd.step(); theta.data.round(3)            # v = 0.9*2 + 2 = 3.8, and 0.8 - 0.1*3.8
array([0.42])
""",
    "41": """
>>> theta = bp.Parameter(np.array([1.]))
>>> rmsprop = bp.RMSprop([theta], lr=0.1, alpha=0.75)
>>> theta.grad = np.array([2.])
>>> rmsprop.step(); theta.data.round(6)        # s = 0.25 * 4 = 1, and 1 - 0.1 * 2 / 1
array([0.8])
""",
    "42": """
>>> theta = bp.Parameter(np.array([1.]))
>>> adam = bp.Adam([theta], lr=0.1)
>>> theta.grad = np.array([2.])
>>> adam.step(); theta.data.round(6)           # the first step is lr, whatever the gradient's size
array([0.9])
""",
    "43": """
>>> theta = bp.Parameter(np.array([1.]))
>>> adamw = bp.AdamW([theta], lr=0.1, weight_decay=0.5)
>>> theta.grad = np.array([2.])
>>> adamw.step(); theta.data.round(6)          # 1 - 0.1 * 0.5 * 1 = 0.95, then a step of 0.1
array([0.85])
""",
    "44": """
>>> sgd = bp.SGD([bp.Parameter([1.0])], lr=0.8)
>>> schedule, seen = bp.StepLR(sgd, step_size=2, gamma=0.5), []
>>> for step in range(5):
...     seen.append(sgd.param_groups[0]["lr"]); schedule.step()
>>> np.array(seen)
array([0.8, 0.8, 0.4, 0.4, 0.2])
""",
    "45": """
>>> sgd = bp.SGD([bp.Parameter([1.0])], lr=0.8)
>>> schedule, seen = bp.CosineAnnealingLR(sgd, T_max=4), []
>>> for step in range(5):
...     seen.append(sgd.param_groups[0]["lr"]); schedule.step()
>>> np.array(seen).round(3)                    # half of it at half the time
array([0.8  , 0.683, 0.4  , 0.117, 0.   ])
""",
    "46": """
>>> sgd = bp.SGD([bp.Parameter([1.0])], lr=0.1, momentum=0.9)
>>> schedule, seen = bp.OneCycleLR(sgd, max_lr=1.0, total_steps=10, pct_start=0.5, div_factor=10), []
>>> for step in range(9):
...     seen.append(sgd.param_groups[0]["lr"]); schedule.step()
>>> np.array([*seen, sgd.param_groups[0]["lr"]])[[0, 2, 4, 9]].round(3)       # up from max_lr / 10, down to nothing
array([0.1 , 0.55, 1.  , 0.  ])
""",
    "47": """
>>> sgd = bp.SGD([bp.Parameter([1.0])], lr=0.8)
>>> schedule, seen = bp.LinearLR(sgd, 1, 0, total_iters=4), []
>>> for step in range(5):
...     seen.append(sgd.param_groups[0]["lr"]); schedule.step()
>>> np.array(seen).round(3)
array([0.8, 0.6, 0.4, 0.2, 0. ])
""",
}
