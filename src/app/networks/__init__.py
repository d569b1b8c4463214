"""Plain modules that know nothing of Lightning."""

from app.networks.convnet import ConvNet
from app.networks.mlp import MLP
from app.networks.standardizer import Standardizer

__all__ = ["MLP", "ConvNet", "Standardizer"]
