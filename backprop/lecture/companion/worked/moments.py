"""What has no formula but can still be shown: caches, errors that say what to do, one vector as an input."""

SESSIONS = {
    "cache": """
>>> layer = bp.Linear(2, 3)
>>> a = np.ones((4, 2), np.float32)
>>> u = layer(a)
>>> layer.cache is a                           # (5) will need it
True
>>> relu = bp.ReLU()
>>> out = relu(u)
>>> relu.cache is out                          # sigma' can be told from the output
True
""",
    "modules": """
>>> bias = bp.Bias(3)
>>> u = bias(np.ones((2, 3), np.float32))
>>> print(bias)                                # what it is, and the shapes that went through
Bias(num_features=3): (2, 3) -> (2, 3)
>>> bias.bias.requires_grad                    # it learns
True
""",
    "image": """
>>> try:
...     bp.Bias(28)(np.ones((64, 1, 28, 28), np.float32))
... except bp.ShapeError as error:
...     print(error)
Bias: expects (..., 28) with at most 3 axes, got (64, 1, 28, 28);
insert Flatten() before it, or use a convolution's bias
""",
    "trap": """
>>> scores, labels = np.zeros((64, 784), np.float32), np.zeros(64, int)
>>> round(bp.CrossEntropyLoss()(scores, labels), 3)            # log 784: as a framework has it, without a word
6.664
>>> try:
...     bp.CrossEntropyLoss(num_classes=10)(scores, labels)
... except bp.ShapeError as error:
...     print(error)
CrossEntropyLoss: expects scores for 10 classes, got (64, 784);
make the last layer output 10, as Linear(..., 10) does
""",
    "vector": """
>>> layer = bp.Linear(in_features=4, out_features=3, bias=False)
>>> layer.weight = bp.Parameter([[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]])
>>> layer(np.float32([1, 2, 3, 4]))            # 1*1 + 2*2 + 3*3 + 4*4 = 30
array([30., 40., 50.], dtype=float32)
""",
    "weight": """
>>> layer = bp.Linear(4, 3)
>>> layer.weight.shape                         # (out, in)
(3, 4)
>>> try:
...     layer.weight = np.ones((3, 4))
... except bp.ParameterError as error:
...     print(error)
Linear.weight must be a Parameter of shape (3, 4), got ndarray of shape (3, 4);
use layer.weight = Parameter(...), or layer.weight.data[...] = ...
""",
    "strict": """
>>> a = np.ones((1, 5))
>>> bp.functional.matmul(a, a.T)
array([[5.]])
>>> try:
...     bp.functional.mm(a, a)
... except bp.ShapeError as error:
...     print(error)
mm expects (N, K) times (K, M), got (1, 5) times (1, 5); use mm(a, b.T) to multiply rows
""",
    "neuron": """
>>> features, weights = np.array([[1., 2, -1]]), np.array([[0.5, 1, 1]])
>>> float((features * weights).sum())          # 0.5 + 2 - 1
1.5
>>> bp.functional.mm(features, weights.T)
array([[1.5]])
>>> bp.Sigmoid()(np.array([1.5])).round(3)
array([0.818])
""",
}
