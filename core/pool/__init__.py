"""
The shared pool of psycopg connections: it knows neither Django nor SQLAlchemy.
"""

from core.pool.pool import SharedPool

__all__ = ["SharedPool"]
