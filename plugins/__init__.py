"""Bundled plugins, each a module with `register(app)`."""
