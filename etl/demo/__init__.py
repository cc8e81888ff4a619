"""
The demo's upstream: a ticketing API on loopback with a year of sales. No production code calls it.
"""
