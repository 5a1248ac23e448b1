"""What differs from one SQL database to the next in compiled filters."""
