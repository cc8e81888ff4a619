"""
What runs inside the process of a suite: settings, plugins and the notes on how each test ended.

The suites import these modules from another folder: PYTHONPATH leads to them.
"""
