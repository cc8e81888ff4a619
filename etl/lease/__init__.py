"""
The lease: which process may write the rows of a source now.
"""
