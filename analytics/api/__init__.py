"""
The HTTP API: the legacy service's wire format, and what joined it. config/api.py mounts the routers.

Each view parses, asks one service or query, and answers.
"""
