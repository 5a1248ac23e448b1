"""Collections: how a schema is kept, checked, changed, imported and turned into tables."""
