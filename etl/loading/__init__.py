"""
Loading: typed rows to raw rows and exact summaries, in SQL. No other package writes those tables.
"""
