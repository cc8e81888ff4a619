"""The staff of the tests: who may make, download and see what, and their browsers."""

from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from analytics.models import Event
from reports import permissions
from reports.models import EventAccess


def member(name: str, *slugs: str, events: tuple[Event, ...] = (), **changes: Any) -> User:
    """Return a member of staff who may make and download the reports `slugs`, of `events` only if given."""
    user = User.objects.create_user(name, **{"is_staff": True, **changes})
    names = [
        permissions.VIEW,
        *(p(s) for s in slugs for p in (permissions.to_generate, permissions.to_download)),
    ]
    allow(user, *names)
    for event in events:
        EventAccess.objects.create(user=user, event=event)
    return User.objects.get(pk=user.pk)


def allow(user: User, *names: str) -> None:
    codenames = [name.partition(".")[2] for name in names]
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))


def forbid(user: User, *names: str) -> User:
    codenames = [name.partition(".")[2] for name in names]
    user.user_permissions.remove(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


def client_of(user: User) -> Client:
    """Return a browser in which `user` is logged in."""
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    """Return the source of a page that was answered, with single spaces and without entities."""
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())
