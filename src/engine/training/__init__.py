"""Training and evaluation: the commands, and the callbacks that every run has."""
