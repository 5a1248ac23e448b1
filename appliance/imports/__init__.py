"""Bringing data from other programs."""
