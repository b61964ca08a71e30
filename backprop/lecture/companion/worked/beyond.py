"""What the lecture only points at: dropout, normalisation, recurrence, graphs, attention, and many machines."""

SESSIONS = {
    "25": """
>>> bp.manual_seed(0)
>>> layer = bp.Dropout(p=0.5)
>>> layer(np.array([1., 2, 3, 4, 5, 6]))       # what is kept is doubled
array([ 0.,  4.,  0.,  0., 10.,  0.])
>>> layer.backward(np.ones(6))                 # the same keep
array([0., 2., 0., 0., 2., 0.])
""",
    "28": """
>>> layer = bp.PReLU(init=0.5, dtype=np.float64)
>>> layer(np.array([4., -2, -6]))
array([ 4., -1., -3.])
>>> layer.backward(np.array([1., 10, 100]))
array([ 1.,  5., 50.])
>>> layer.weight.grad                          # 10 * -2 + 100 * -6
array([-620.])
""",
    "29": """
>>> layer = bp.BatchNorm1d(1, eps=0, affine=False, dtype=np.float64)
>>> layer(np.array([[1.], [3], [1], [3]]))     # mean 2, std 1
array([[-1.], [ 1.], [-1.], [ 1.]])
>>> layer.backward(np.array([[8.], [0], [0], [0]]))            # mean(g) = 2, mean(g xhat) = -2
array([[ 4.], [ 0.], [-4.], [ 0.]])
""",
    "30": """
>>> layer = bp.LayerNorm(2, eps=0, dtype=np.float64)
>>> layer.weight, layer.bias = bp.Parameter(np.array([2., 3])), bp.Parameter(np.array([10., 20]))
>>> layer(np.array([[1., 3], [5, 1]]))         # xhat = (-1, 1) and (1, -1), times gamma, plus beta
array([[ 8., 23.], [12., 17.]])
>>> delta_u = layer.backward(np.array([[1., 1], [1, 2]]))
>>> layer.weight.grad                          # 1*-1 + 1*1, 1*1 + 2*-1
array([ 0., -1.])
>>> layer.bias.grad
array([2., 3.])
""",
    "31": """
>>> layer = bp.BatchNorm1d(1, momentum=0.1, dtype=np.float64)
>>> xhat = layer(np.array([[1.], [3]]))        # mean 2, unbiased variance 2
>>> layer.running_mean.data                    # 0.9*0 + 0.1*2
array([0.2])
>>> layer.running_var.data                     # 0.9*1 + 0.1*2
array([1.1])
""",
    "32": """
>>> layer = bp.RMSNorm(2, eps=0.0, dtype=np.float64)
>>> layer(np.array([[1., 7]]))                 # mean square 25, so everything over 5
array([[0.2, 1.4]])
>>> layer.backward(np.array([[5., 0]])).round(3)               # mean(g xhat) = 0.5: (5 - 0.2*0.5)/5, (0 - 1.4*0.5)/5
array([[ 0.98, -0.14]])
""",
    "33": """
>>> layer = bp.RNN(1, 1, nonlinearity="relu", bias=False)
>>> layer.weight_ih_l0, layer.weight_hh_l0 = bp.Parameter(np.array([[1.]])), bp.Parameter(np.array([[2.]]))
>>> layer(np.array([[[1.]], [[3.]]]))[:, 0, 0]                 # h1 = 1, h2 = 3 + 2*1
array([1., 5.])
>>> layer.backward(np.array([[[0.]], [[1.]]]))[:, 0, 0]        # L = h2: dL/dx1 goes through h1, times 2
array([2., 1.])
""",
    "34": """
>>> bp.manual_seed(0)
>>> layer = bp.GRU(1, 1, dtype=np.float64)
>>> for p in layer.parameters():
...     p.data[...] = 0                        # r = z = 1/2, n = 0
>>> layer(np.array([[[1.]]]), np.array([[[4.]]]))              # (1 - 1/2) 0 + 1/2 * 4
array([[[2.]]])
>>> delta_x, delta_h0 = layer.backward(np.array([[[1.]]]))
>>> delta_h0                                   # delta z
array([[[0.5]]])
""",
    "35": """
>>> layer = bp.LSTM(1, 1, dtype=np.float64)
>>> for p in layer.parameters():
...     p.data[...] = 0                        # i = f = o = 1/2, g = 0
>>> h = layer(np.array([[[1.]]]), (np.array([[[0.]]]), np.array([[[4.]]])))
>>> layer.c_n                                  # f c = 1/2 * 4: the cell halves
array([[[2.]]])
>>> h.round(3)                                 # o tanh(c) = 1/2 tanh 2
array([[[0.482]]])
""",
    "36": """
>>> S = bp.normalized_adjacency([(0, 1)], 2, np.float64)       # two nodes that hear each other
>>> S
array([[0.5, 0.5], [0.5, 0.5]])
>>> layer = bp.GraphConv(1, 1, bias=False, dtype=np.float64)
>>> layer.linear.weight.data[...] = 3
>>> layer(np.array([[1.], [5]]), S)            # 3 * (1 + 5) / 2
array([[9.], [9.]])
>>> layer.backward(np.array([[1.], [0]]))      # both were heard
array([[1.5], [1.5]])
""",
    "48": """
>>> q, k, v = (np.array(x).reshape(1, 2, 1) for x in ([1., 0], [2., 0], [3., 5]))
>>> o, w = bp.functional.attention(q, k, v)    # the second query is 0: it finds both keys alike
>>> w[0, 0].round(3)                           # columns: e^2 and e^0 over their sum, and 1/2, 1/2
array([[0.881, 0.5  ], [0.119, 0.5  ]])
>>> o[0, :, 0].round(3)                        # 0.881*3 + 0.119*5, and (3 + 5)/2
array([3.238, 4.   ])
>>> deltas = bp.functional.attention_backward(np.array([1., 0]).reshape(1, 2, 1), q, k, v, w)
>>> [delta[0, :, 0].round(2).tolist() for delta in deltas]     # of q, k and v
[[-0.42, 0.0], [-0.21, 0.21], [0.88, 0.12]]
""",
    "49": """
>>> layer = bp.MultiheadAttention(1, 1, bias=False, batch_first=True, dtype=np.float64)
>>> layer.in_proj_weight.data[...] = [[0.], [1], [2]]          # q = 0: all keys are alike, v = 2 a
>>> layer.out_proj.weight.data[...] = 10
>>> layer(np.array([[[1.], [3]]]))             # 10 (2*1 + 2*3)/2, at both places
array([[[40.], [40.]]])
>>> layer.backward(np.array([[[1.], [0]]]))    # each value was half of it: 10 * 1/2 * 2
array([[[10.], [10.]]])
""",
    "50": """
>>> from backprop.module.shard import Shard, computing
>>> layer = bp.SyncBatchNorm(1, eps=0, dtype=np.float64)
>>> other = iter([np.array([6, 2]), np.array([2.]), np.array([0., 0, 2])])   # what a shard with 3, 3 adds to each sum
>>> with computing(Shard(0, 0, 2, total=lambda own: own + next(other))):
...     z = layer(np.array([[1.], [1]]))       # mean (2 + 6)/4 = 2, variance (2*1 + 2*1)/4 = 1
...     delta_u = layer.backward(np.array([[1.], [0]]))
>>> z.T
array([[-1., -1.]])
>>> delta_u.T                                  # g - 1/4 - xhat * -1/4
array([[ 0.5, -0.5]])
""",
}
