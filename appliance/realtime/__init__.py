"""Realtime over server-sent events: who listens (clients), what is said to whom (broadcast), and the sockets (hub)."""
