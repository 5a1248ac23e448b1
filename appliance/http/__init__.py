"""The network edge: the server loop, the strict gate, the route table, the middleware and the one Flask app."""
