"""
The suites, each one module.
"""

from collections.abc import Mapping

from benchmarks.peers.suite import Suite
from benchmarks.peers.suites import django, psycopg_pool, sqlalchemy, wagtail

SUITES: Mapping[str, Suite] = {
    suite.name: suite for suite in (*django.SUITES, wagtail.SUITE, *sqlalchemy.SUITES, psycopg_pool.SUITE)
}
