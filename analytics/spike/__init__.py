"""A spike at the gates, sent to a running service: `manage.py demo_spike`."""
