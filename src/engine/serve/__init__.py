"""Serving: an exported model answers requests over HTTP, and shows itself in a page."""
