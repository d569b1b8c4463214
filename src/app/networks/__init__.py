"""Plain modules that know nothing of Lightning."""

from app.networks.charlstm import CharLSTM
from app.networks.columns import Columns
from app.networks.convnet import ConvNet
from app.networks.mlp import MLP
from app.networks.resnet import ResNet
from app.networks.standardizer import Standardizer
from app.networks.tablemlp import TableMLP

__all__ = ["MLP", "CharLSTM", "Columns", "ConvNet", "ResNet", "Standardizer", "TableMLP"]
