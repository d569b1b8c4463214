"""Exported models: read, fed with what people give, and predicted with, without PyTorch."""
