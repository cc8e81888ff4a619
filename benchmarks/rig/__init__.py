"""
What costs and faults measure with: servers, writers, what their callers saw, a network that breaks.

It imports neither of them.
"""
