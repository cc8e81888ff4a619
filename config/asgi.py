"""The ASGI application that granian, and any other ASGI server, serves: the front door."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from config.front.door import FrontDoor  # noqa: E402 - it reads the settings

application = FrontDoor()
# What was loaded stays: the collector need not look through all of it again and again. Nor after every 700
# objects: to look took a seventh of a scan's time.
gc.freeze()
gc.set_threshold(10_000, 20, 50)
