"""
The pages of the evening: the dashboard, an event's page, the ticket lookup, and their live numbers.

Any member of staff sees numbers, limited to the events that are visible to them (`reports.access`). What
names single tickets asks for the permission to view scans.
"""
