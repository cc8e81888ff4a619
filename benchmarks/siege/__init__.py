"""
The siege: the running service, with 40 scanners at its gates, while something else tries to stop them.
"""
