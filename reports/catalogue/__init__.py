"""
The catalogue: every report that staff can ask for.
"""
