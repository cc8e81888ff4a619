"""A spike at the gates, fired at a running service: `manage.py demo_spike`."""
