"""`export`: a trained network as one file that other programs run, proven equal before it is kept."""
