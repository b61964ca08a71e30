"""Images: a 3 x 3 image under a 2 x 2 filter, windows of pixels, margins. (10) - (14), (26), (27)."""

SESSIONS = {
    "10": """
>>> a = np.array([[[[1., 2, 0], [0, 1, 3], [4, 0, 1]]]])
>>> layer = bp.Conv2d(1, 1, kernel_size=2)
>>> layer.weight, layer.bias = bp.Parameter(np.array([[[[1., 2], [0, -1]]]])), bp.Parameter(np.array([10.]))
>>> layer(a)                                   # top left: 10 + 1*1 + 2*2 + 0*0 - 1*1 = 14
array([[[[14.,  9.], [12., 16.]]]])
""",
    "11": """
>>> layer = bp.Conv2d(1, 1, kernel_size=2, dtype=np.float64)
>>> z = layer(np.array([[[[1., 2, 0], [0, 1, 3], [4, 0, 1]]]]))
>>> delta_a = layer.backward(np.array([[[[1., 0], [2, -1]]]]))
>>> layer.bias.grad                            # 1 + 0 + 2 - 1: the bias was added at every place
array([2.])
""",
    "12": """
>>> a = np.array([[[[1., 2, 0], [0, 1, 3], [4, 0, 1]]]])
>>> layer = bp.Conv2d(1, 1, kernel_size=2, dtype=np.float64)
>>> z = layer(a)
>>> delta_a = layer.backward(np.array([[[[1., 0], [0, -1]]]]))
>>> layer.weight.grad                          # the first patch minus the last: [[1 2][0 1]] - [[1 3][0 1]]
array([[[[ 0., -1.], [ 0.,  0.]]]])
""",
    "13": """
>>> layer = bp.Conv2d(1, 1, kernel_size=2, bias=False)
>>> layer.weight = bp.Parameter(np.array([[[[1., 2], [0, -1]]]]))
>>> z = layer(np.array([[[[1., 2, 0], [0, 1, 3], [4, 0, 1]]]]))
>>> layer.backward(np.array([[[[1., 0], [0, -1]]]]))           # the filter at the first place, minus it at the last
array([[[[ 1.,  2.,  0.], [ 0., -2., -2.], [ 0.,  0.,  1.]]]])
""",
    "14": """
>>> a = np.array([[[[1., 5, 2, 0], [3, 4, 8, 1]]]])
>>> layer = bp.MaxPool2d(2)
>>> layer(a)
array([[[[5., 8.]]]])
>>> layer.backward(np.array([[[[10., 20]]]]))  # to the largest entry of each window
array([[[[ 0., 10.,  0.,  0.], [ 0.,  0., 20.,  0.]]]])
>>> layer = bp.AvgPool2d(2)
>>> layer(a)
array([[[[3.25, 2.75]]]])
>>> layer.backward(np.array([[[[8., 4]]]]))    # in equal parts
array([[[[2., 2., 1., 1.], [2., 2., 1., 1.]]]])
""",
    "26": """
>>> layer = bp.ReflectionPad1d(1)
>>> layer(np.array([[[1., 2, 3]]]))            # the margin mirrors the signal
array([[[2., 1., 2., 3., 2.]]])
>>> layer.backward(np.array([[[10., 1, 2, 3, 20]]]))           # the 2 answers for both its copies: 10 + 2 + 20
array([[[ 1., 32.,  3.]]])
>>> words = bp.Embedding(3, 2)
>>> words.weight = bp.Parameter(np.array([[1., 2], [3, 4], [5, 6]]))
>>> words(np.array([2, 0, 2]))
array([[5., 6.], [1., 2.], [5., 6.]])
>>> words.backward(np.array([[1., 0], [0, 1], [2, 2]]))
>>> words.weight.grad                          # word 2 was used twice: (1, 0) + (2, 2)
array([[0., 1.], [0., 0.], [3., 2.]])
""",
    "27": """
>>> layer = bp.ConvTranspose1d(1, 1, kernel_size=3, stride=2, bias=False)
>>> layer.weight = bp.Parameter(np.array([[[1., 2, 3]]]))
>>> layer(np.array([[[1., 10]]]))              # (1, 2, 3) at 0, and 10 times that at 2; at 2 they add
array([[[ 1.,  2., 13., 20., 30.]]])
>>> layer.backward(np.array([[[1., 0, 0, 0, 1]]]))             # a convolution with stride 2: 1*1, 3*1
array([[[1., 3.]]])
""",
}
