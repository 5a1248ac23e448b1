"""Databases: one interface, its implementations, schema changes and migrations. Knows no collections."""
