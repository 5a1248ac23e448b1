"""What the filter language asks of the schema and of the request, and how its answers become SQL."""
