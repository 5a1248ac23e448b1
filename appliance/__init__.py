"""Homeport: a self-hosted mobile backend in one process."""

__version__ = "0.1.0"
