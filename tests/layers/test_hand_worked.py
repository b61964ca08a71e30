"""A 2-2-1 network with every number of (1)-(8) worked by hand: two samples, so that sums over n show.

X1 = [[1, 2], [3, -4]]   mu1 = [1, 2]     a0 = [[1, 1], [0, 2]]     b = [[6.5], [10]]
X2 = [[2, -1]]           mu2 = [0.5]

(1) m1 = a0 X1^T = [[3, -1], [4, -8]]          (2) u1 = m1 + mu1 = [[4, 1], [5, -6]]
(3) a1 = relu(u1) = [[4, 1], [5, 0]]
(1) m2 = a1 X2^T = [[7], [10]]                 (2) a2 = [[7.5], [10.5]]
(8) L = 1/(2N) sum |a2 - b|^2 = (1 + 0.25) / 4 = 0.3125       delta = (a2 - b) / N = [[0.5], [0.25]]
(5) dX2 = delta^T a1 = [[0.5*4 + 0.25*5, 0.5*1]] = [[3.25, 0.5]]      (6) dmu2 = [0.75]
(7) delta_a1 = delta X2 = [[1, -0.5], [0.5, -0.25]]
(4) delta_u1 = [[1, -0.5], [0.5, 0]]
(5) dX1 = delta_u1^T a0 = [[1*1 + 0.5*0, 1*1 + 0.5*2], [-0.5, -0.5]] = [[1, 2], [-0.5, -0.5]]
(6) dmu1 = [1.5, -0.5]
(7) delta_a0 = delta_u1 X1 = [[1 - 1.5, 2 + 2], [0.5, 1]] = [[-0.5, 4], [0.5, 1]]
"""

import numpy as np

import backprop as bp

A0 = np.array([[1.0, 1.0], [0.0, 2.0]])
B = np.array([[6.5], [10.0]])


def network():
    net = bp.Sequential(bp.Linear(2, 2), bp.ReLU(), bp.Linear(2, 1))
    net[0].weight, net[0].bias = bp.Parameter([[1.0, 2.0], [3.0, -4.0]]), bp.Parameter([1.0, 2.0])
    net[2].weight, net[2].bias = bp.Parameter([[2.0, -1.0]]), bp.Parameter([0.5])
    return net.to(np.float64)


def test_every_number_of_a_2_2_1_network(each_kernels):
    net = network()
    u1 = net[0](A0)
    assert u1.tolist() == [[4, 1], [5, -6]]  # (1) (2)
    a1 = net[1](u1)
    assert a1.tolist() == [[4, 1], [5, 0]]  # (3)
    a2 = net(A0)
    assert a2.tolist() == [[7.5], [10.5]]  # (1) (2)

    loss = bp.MSELoss()
    assert loss(a2, B) / 2 == 0.3125  # (8): one output, so E = N and MSELoss is twice the lecture's L
    delta = loss.backward(0.5)
    assert delta.tolist() == [[0.5], [0.25]]  # (8)

    delta_a0 = net.backward(delta)
    assert net[2].weight.grad.tolist() == [[3.25, 0.5]]  # (5)
    assert net[2].bias.grad.tolist() == [0.75]  # (6)
    assert net[0].weight.grad.tolist() == [[1, 2], [-0.5, -0.5]]  # (7) (4) (5)
    assert net[0].bias.grad.tolist() == [1.5, -0.5]  # (6)
    assert delta_a0.tolist() == [[-0.5, 4], [0.5, 1]]  # (7)

    sgd = bp.SGD(net.parameters(), lr=0.01)
    sgd.step()
    np.testing.assert_allclose(net[2].weight.data, [[2 - 0.0325, -1 - 0.005]])  # (15)
    assert loss(net(A0), B) / 2 < 0.3125
