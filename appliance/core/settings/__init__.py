"""The box's settings: their shape, their checks, and how they lie sealed in the database."""
