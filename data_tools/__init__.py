"""Image data sets, grey or coloured, as IDX files: read, write, fetch, synthesize, inspect. Independent of the engine.

python -m data_tools fetch mnist | fashion | kmnist | cifar10 | cifar100
python -m data_tools synthesize DIR --seed 0
python -m data_tools inspect DIR --sheet sheet.png
python -m data_tools pack IMAGES DIR
python -m data_tools unpack DIR IMAGES
"""

from data_tools.dataset import Dataset, DatasetError, load
from data_tools.digits import synthesize
from data_tools.download import DownloadError, fetch
from data_tools.folders import pack, unpack
from data_tools.idx import IDXError, read, write
from data_tools.lookup import find
