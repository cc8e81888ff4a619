"""
Facts that arrive while a write is under way are written together by the next one.

One thread of each process writes the facts of one kind, on one connection that it borrows for each batch:
however many scanners there are, the database sees one statement at a time, and commits once for all of them.
A lone scan is written at once. docs/adr/0013-the-recorder.md has the figures.
"""
