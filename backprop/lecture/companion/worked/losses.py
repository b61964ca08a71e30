"""Where delta begins: (8), (9), (21) - (24), (37) - (40)."""

SESSIONS = {
    "8": """
>>> a, b = np.array([[7.5], [10.5]]), np.array([[6.5], [10.]])
>>> loss = bp.MSELoss()
>>> loss(a, b)                                 # (1 + 0.25) / 2
0.625
>>> loss.backward()                            # 2 (a - b) / E, E = 2
array([[1. ], [0.5]])
>>> loss.backward(0.5)                         # the lecture's L is half of it: (a - b) / N
array([[0.5 ], [0.25]])
""",
    "9": """
>>> z = np.log(np.array([[1., 2, 5], [2., 4, 2]]))     # softmax: 1/8 2/8 5/8, and 2/8 4/8 2/8
>>> y = np.array([2, 0])                       # the right classes
>>> loss = bp.CrossEntropyLoss()
>>> round(loss(z, y), 3)                       # -(log 5/8 + log 2/8) / 2
0.928
>>> loss.backward()                            # ((1/8, 2/8, 5/8 - 1), (2/8 - 1, 4/8, 2/8)) / 2
array([[ 0.0625,  0.125 , -0.1875], [-0.375 ,  0.25  ,  0.125 ]])
""",
    "21": """
>>> loss = bp.L1Loss()
>>> loss(np.array([3., 1, 2, 9]), np.array([1., 1, 5, 8]))     # (2 + 0 + 3 + 1) / 4
1.5
>>> loss.backward()                            # the sign alone: no more for being further off
array([ 0.25,  0.  , -0.25,  0.25])
""",
    "22": """
>>> loss = bp.HuberLoss(delta=1.0)
>>> loss(np.array([0.5, 4]), np.zeros(2))      # (0.5^2 / 2 + 1 (4 - 0.5)) / 2
1.8125
>>> loss.backward()                            # (0.5, clipped to 1) / 2
array([0.25, 0.5 ])
""",
    "23": """
>>> loss = bp.NLLLoss()
>>> loss(np.array([[-1., -2], [-3, -4]]), np.array([0, 1]))    # (1 + 4) / 2
2.5
>>> loss.backward()
array([[-0.5,  0. ], [ 0. , -0.5]])
""",
    "24": """
>>> loss = bp.BCEWithLogitsLoss()
>>> round(loss(np.array([0., 0]), np.array([1., 0])), 3)       # log 2
0.693
>>> loss.backward()                            # (1/2 - 1, 1/2 - 0) / 2
array([-0.25,  0.25])
""",
    "37": """
>>> loss = bp.SmoothL1Loss(beta=2.0)
>>> loss(np.array([1., 5]), np.zeros(2))       # (1^2 / 4 + 5 - 1) / 2
2.125
>>> loss.backward()                            # (1/2, clipped to 1) / 2
array([0.25, 0.5 ])
""",
    "38": """
>>> loss = bp.BCELoss()
>>> round(loss(np.array([0.5, 0.2]), np.array([1., 0])), 3)    # -(log 0.5 + log 0.8) / 2
0.458
>>> loss.backward()                            # (-0.5 / 0.25, 0.2 / 0.16) / 2
array([-1.   ,  0.625])
""",
    "39": """
>>> loss = bp.KLDivLoss()
>>> y, a = np.array([[0.5, 0.5]]), np.log(np.array([[0.25, 0.75]]))
>>> round(loss(a, y), 3)                       # (0.5 log(0.5 / 0.25) + 0.5 log(0.5 / 0.75)) / 2
0.072
>>> loss.backward()                            # -y / 2
array([[-0.25, -0.25]])
""",
    "40": """
>>> z = np.log(np.array([[1., 2, 5]]))
>>> loss = bp.CrossEntropyLoss(label_smoothing=0.3)
>>> L = loss(z, np.array([2]))                 # the target is 0.1, 0.1, 0.8
>>> loss.backward().round(3)                   # (1/8 - 0.1, 2/8 - 0.1, 5/8 - 0.8)
array([[ 0.025,  0.15 , -0.175]])
""",
}
