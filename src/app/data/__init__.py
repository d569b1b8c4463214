"""LightningDataModules, a file for each data set; each owns its splits."""
