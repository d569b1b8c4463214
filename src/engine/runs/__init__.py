"""Run folders: where they are, what is in them, and how their files are written."""
