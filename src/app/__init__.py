"""A PyTorch Lightning project: tasks, data, networks and the command line that joins them."""
