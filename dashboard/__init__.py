"""The front panel: pages for administrators. They call the same api handlers as the wire; there is no other door."""
