"""The layer of the lecture: two samples a (2, 2), three outputs. (1) - (7), and softmax."""

SESSIONS = {
    "1": """
>>> a = np.array([[1., 2], [0, 3]])            # two samples, each a row
>>> X = np.array([[1., 1], [0, 2], [3, -1]])   # a row for each of three outputs
>>> layer = bp.Linear(2, 3, bias=False)
>>> layer.weight = bp.Parameter(X)
>>> layer(a)                                   # top left: 1*1 + 2*1 = 3
array([[ 3.,  4.,  1.], [ 3.,  6., -3.]])
""",
    "2": """
>>> m = np.array([[3., 4, 1], [3, 6, -3]])
>>> layer = bp.Bias(3)
>>> layer.bias = bp.Parameter(np.array([10., 20, 30]))
>>> layer(m)                                   # the same mu for every sample
array([[13., 24., 31.], [13., 26., 27.]])
""",
    "3": """
>>> u = np.array([[3., -1], [0, 2]])
>>> bp.ReLU()(u)                               # what is below 0 becomes 0
array([[3., 0.], [0., 2.]])
>>> bp.Sigmoid()(np.array([0., 1, 5])).round(3)
array([0.5  , 0.731, 0.993])
""",
    "4": """
>>> u, delta = np.array([[3., -1], [0, 2]]), np.array([[5., 6], [7, 8]])
>>> layer = bp.ReLU()
>>> a = layer(u)
>>> layer.backward(delta)                      # sigma' is 1 where u > 0, else 0
array([[5., 0.], [0., 8.]])
>>> layer = bp.Sigmoid()
>>> a = layer(np.array([0.]))                  # a = 1/2, so sigma' = 1/2 (1 - 1/2) = 1/4
>>> layer.backward(np.array([8.]))
array([2.])
""",
    "4s": """
>>> layer = bp.Softmax()
>>> layer(np.log(np.array([1., 2, 5])))        # shares 1/8, 2/8, 5/8
array([0.125, 0.25 , 0.625])
>>> layer.backward(np.array([8., 0, 0]))       # sum delta s = 1: 1/8 (8 - 1), 2/8 (0 - 1), 5/8 (0 - 1)
array([ 0.875, -0.25 , -0.625])
""",
    "4l": """
>>> layer = bp.LogSoftmax()
>>> log_s = layer(np.log(np.array([1., 2, 5])))
>>> layer.backward(np.array([8., 0, 0]))       # sum delta = 8: 8 - 8/8, 0 - 8*2/8, 0 - 8*5/8
array([ 7., -2., -5.])
""",
    "5": """
>>> a = np.array([[1., 2], [0, 3]])            # the input that forward has kept
>>> delta = np.array([[1., 0, 2], [-1, 1, 0]]) # dL/du, a row for each sample
>>> layer = bp.Linear(2, 3, dtype=np.float64)
>>> u = layer(a)
>>> delta_a = layer.backward(delta)
>>> layer.weight.grad                          # row 0: 1*(1, 2) + -1*(0, 3) = (1, -1)
array([[ 1., -1.], [ 0.,  3.], [ 2.,  4.]])
>>> delta.T @ a                                # the same, in NumPy
array([[ 1., -1.], [ 0.,  3.], [ 2.,  4.]])
""",
    "6": """
>>> delta = np.array([[1., 0, 2], [-1, 1, 0]])
>>> layer = bp.Linear(2, 3, dtype=np.float64)
>>> u = layer(np.array([[1., 2], [0, 3]]))
>>> delta_a = layer.backward(delta)
>>> layer.bias.grad                            # each column summed: 1 - 1, 0 + 1, 2 + 0
array([0., 1., 2.])
""",
    "7": """
>>> delta = np.array([[1., 0, 2], [-1, 1, 0]])
>>> layer = bp.Linear(2, 3, bias=False)
>>> layer.weight = bp.Parameter(np.array([[1., 1], [0, 2], [3, -1]]))
>>> u = layer(np.array([[1., 2], [0, 3]]))
>>> layer.backward(delta)                      # row 0: 1*(1, 1) + 0*(0, 2) + 2*(3, -1)
array([[ 7., -1.], [-1.,  1.]])
""",
}
