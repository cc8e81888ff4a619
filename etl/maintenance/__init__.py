"""
What an operator does beside a run: diff, rebuild, verify, reset, retry and purge.
"""
