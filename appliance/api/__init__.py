"""The wire: one file per noun. A handler takes a Request value and returns a Response value. No Flask here."""
