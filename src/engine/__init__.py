"""Runs a project: the command line, training and evaluation, run folders, the dashboard and the diagnosis."""
