"""
The faults. Each module has a tuple FAULTS.
"""
