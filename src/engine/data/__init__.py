"""Data: modules that hold their splits in memory, loaders, tables and image files."""
