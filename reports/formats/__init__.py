"""
The formats: how a report's rows become a file.
"""
