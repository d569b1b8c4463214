"""Studies: many runs in worker processes, one report."""
