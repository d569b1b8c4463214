"""Logs: TensorBoard events, metrics.csv, the progress of training and the summary of the network."""
