"""Records: who may see them, how they are read, shaped, saved and deleted."""
