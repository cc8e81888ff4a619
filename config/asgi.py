"""The ASGI application that granian, and any other ASGI server, serves: the front door."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from config.front.door import FrontDoor  # noqa: E402 - it reads the settings

application = FrontDoor()
# What was loaded stays: the collector need not look through all of it again and again.
gc.freeze()
