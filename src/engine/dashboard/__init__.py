"""The dashboard: panels that write curves, figures and texts to TensorBoard."""
