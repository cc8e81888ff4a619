"""
The Django database backend `core.backend`: Django's own for Postgres, borrowing from the shared pool.

It is a drop-in for `django.db.backends.postgresql`, with and without `OPTIONS["pool"]`.
"""
