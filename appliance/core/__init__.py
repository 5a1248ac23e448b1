"""What the product is: collections, records, fields, hooks and settings. Knows no HTTP."""
