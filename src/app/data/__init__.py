"""LightningDataModules, named for the data set; each owns its splits."""

from app.data.memory import InMemory
from app.data.mnist import MNIST
from app.data.product import Product

__all__ = ["MNIST", "InMemory", "Product"]
