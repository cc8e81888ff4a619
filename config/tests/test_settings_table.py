"""docs/settings.md, `.env.example` and the code name the same settings with the same defaults."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from config import env

ROOT = Path(__file__).resolve().parents[2]
READERS = (
    *("whole_number", "seconds", "flag", "names", "secret", "database", "networks"),
    *("text", "token", "command", "currency", "time_zone", "choice", "folder", "file", "email"),
)
REQUIRED = "required"


def settings_in_code() -> dict[str, str]:
    """Return the default, as a person would write it, of each variable that config/ reads."""
    sources = (path.read_text() for path in (ROOT / "config").glob("*.py"))
    return dict(setting for source in sources for setting in _settings_in(ast.parse(source)))


def _settings_in(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _reader(node.func):
            yield _setting(_reader(node.func), node)


def _reader(function: ast.expr) -> str:
    module, _, name = ast.unparse(function).rpartition(".")
    return name if module == "env" and name in READERS else ""


def _setting(reader: str, call: ast.Call) -> tuple[str, str]:
    """Bind the call's arguments as Python would, and read off the name and the default."""
    positional = [ast.literal_eval(argument) for argument in call.args]
    named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    bound = inspect.signature(getattr(env, reader)).bind(*positional, **named)
    bound.apply_defaults()
    return bound.arguments["name"], _as_written(bound.arguments.get("default", REQUIRED))


def _as_written(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def settings_in_the_document() -> dict[str, str]:
    """Return the default column of the table in docs/settings.md."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    return {name: {"empty": ""}.get(default, default.strip("`")) for name, default in rows}


def settings_in_example() -> dict[str, str]:
    """Return the values in `.env.example`, commented out as they are."""
    lines = re.findall(r"^#? ?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return dict(lines)


class TestSettingsTable:
    def test_the_document_shows_every_setting_with_its_default(self) -> None:
        assert settings_in_the_document() == settings_in_code()

    def test_the_example_shows_every_setting_with_its_default(self) -> None:
        required = {name for name, default in settings_in_code().items() if default == REQUIRED}

        example = {name: REQUIRED if name in required else v for name, v in settings_in_example().items()}

        assert example == settings_in_code()

    def test_the_example_gives_no_secret_a_value(self) -> None:
        required = {name for name, default in settings_in_code().items() if default == REQUIRED}

        assert {settings_in_example()[name] for name in required} == {""}

    def test_settings_are_found_in_the_code(self) -> None:
        found = settings_in_code()

        assert found["POOL_SIZE"] == "5"
        assert found["DATABASE_URL"] == REQUIRED
