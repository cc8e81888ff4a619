"""
The sources: where sales come from.
"""
