"""
Other projects' own tests, run on the stock product and on ours; what differs is on purpose or a fault.
"""
