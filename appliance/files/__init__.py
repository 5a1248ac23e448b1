"""Where uploads live."""
