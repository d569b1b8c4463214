"""Figures as pure functions: arrays in, a matplotlib Figure out."""
