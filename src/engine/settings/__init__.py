"""Settings: the command line and config files, from words to objects, and errors that explain."""
