"""
Runs: reading a source from its cursor to its end, page by page, each page loaded when it was read.
"""
