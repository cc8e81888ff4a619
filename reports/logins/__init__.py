"""
Logging in to the admin: attempts are counted by user and by address, and each makes the next wait longer.

docs/adr/0012-logins.md says why no library does it.
"""
