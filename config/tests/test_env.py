"""Each reader of the environment accepts what is right, and says what is wrong with the rest."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment without the variable that the tests set."""
    monkeypatch.delenv("GATE_SETTING", raising=False)
    return monkeypatch


class TestWholeNumber:
    @pytest.mark.parametrize("raw", ["", "  "])
    def test_an_empty_value_is_the_default(self, setting: pytest.MonkeyPatch, raw: str) -> None:
        setting.setenv("GATE_SETTING", raw)

        assert env.whole_number("GATE_SETTING", 5) == 5

    def test_reads_a_number_at_each_end_of_its_range(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "1")
        assert env.whole_number("GATE_SETTING", 5, minimum=1, maximum=9) == 1

        setting.setenv("GATE_SETTING", "9")
        assert env.whole_number("GATE_SETTING", 5, minimum=1, maximum=9) == 9

    @pytest.mark.parametrize(
        ("raw", "cure"),
        [
            ("ten", "is not a whole number"),
            ("1.5", "is not a whole number"),
            ("0", "use 1 or more"),
            ("10", "use 9 or less"),
        ],
    )
    def test_an_error_names_variable_value_and_cure(
        self, setting: pytest.MonkeyPatch, raw: str, cure: str
    ) -> None:
        setting.setenv("GATE_SETTING", raw)

        with pytest.raises(ImproperlyConfigured, match=rf"^GATE_SETTING='{raw}' .*{cure}.*\.env\.example"):
            env.whole_number("GATE_SETTING", 5, minimum=1, maximum=9)


class TestSeconds:
    def test_reads_fractions(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "0.25")

        assert env.seconds("GATE_SETTING", 30.0) == 0.25

    def test_an_absent_value_is_the_default(self, setting: pytest.MonkeyPatch) -> None:

        assert env.seconds("GATE_SETTING", 30.0) == 30.0

    @pytest.mark.parametrize("raw", ["soon", "0", "-1", "inf", "nan"])
    def test_refuses_what_is_no_time_to_wait(self, setting: pytest.MonkeyPatch, raw: str) -> None:
        setting.setenv("GATE_SETTING", raw)

        with pytest.raises(ImproperlyConfigured, match=f"^GATE_SETTING='{raw}' .*seconds"):
            env.seconds("GATE_SETTING", 30.0)


class TestFlag:
    @pytest.mark.parametrize(("raw", "value"), [("Yes", True), ("1", True), ("off", False), ("FALSE", False)])
    def test_reads_the_usual_words(self, setting: pytest.MonkeyPatch, raw: str, *, value: bool) -> None:
        setting.setenv("GATE_SETTING", raw)

        assert env.flag("GATE_SETTING", default=not value) is value

    def test_an_absent_value_is_the_default(self, setting: pytest.MonkeyPatch) -> None:

        assert env.flag("GATE_SETTING", default=True) is True

    def test_refuses_another_word(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "maybe")

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING='maybe' .*use true or false"):
            env.flag("GATE_SETTING", default=False)


class TestNames:
    def test_splits_at_commas_and_drops_blanks(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", " north, south ,,")

        assert env.names("GATE_SETTING", "east") == ["north", "south"]

    def test_an_absent_value_is_the_default(self, setting: pytest.MonkeyPatch) -> None:

        assert env.names("GATE_SETTING", "east,west") == ["east", "west"]


class TestSecret:
    def test_reads_32_characters(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "k" * 32)

        assert env.secret("GATE_SETTING") == "k" * 32

    def test_an_absent_secret_stops_the_start_with_the_cure(self, setting: pytest.MonkeyPatch) -> None:

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING is not set: .*token_urlsafe"):
            env.secret("GATE_SETTING")

    def test_a_short_secret_is_counted_and_never_shown(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "x9" * 15)

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING has 30 characters") as refused:
            env.secret("GATE_SETTING")

        assert "x9" not in str(refused.value)


class TestDatabase:
    def test_reads_a_postgres_url(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "postgres://gate:s%40fe@db.example:5433/turnstile")

        entry = env.database("GATE_SETTING")

        assert (entry["HOST"], entry["PORT"], entry["NAME"]) == ("db.example", 5433, "turnstile")
        assert (entry["USER"], entry["PASSWORD"]) == ("gate", "s@fe")

    def test_reads_a_primary_and_its_standby(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv(
            "GATE_SETTING", "postgres://u:p@one:5432,two:5433/name?target_session_attrs=read-write"
        )

        entry = env.database("GATE_SETTING")

        assert (entry["HOST"], entry["PORT"]) == ("one,two", "5432,5433")
        assert entry["OPTIONS"] == {"target_session_attrs": "read-write"}

    def test_an_absent_url_names_make_run(self, setting: pytest.MonkeyPatch) -> None:

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING is not set: .*`make run`"):
            env.database("GATE_SETTING")

    @pytest.mark.parametrize(
        "raw", ["mysql://gate:hunter2@db/turnstile", "postgres://gate:hunter2@db:port/turnstile"]
    )
    def test_a_wrong_url_is_refused_and_never_shown(self, setting: pytest.MonkeyPatch, raw: str) -> None:
        setting.setenv("GATE_SETTING", raw)

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING ") as refused:
            env.database("GATE_SETTING")

        assert "hunter2" not in str(refused.value)


class TestText:
    def test_reads_what_is_there_or_the_default(self, setting: pytest.MonkeyPatch) -> None:
        assert env.text("GATE_SETTING", "north") == "north"

        setting.setenv("GATE_SETTING", " south ")
        assert env.text("GATE_SETTING", "north") == "south"


class TestCurrency:
    def test_reads_a_code_in_upper_case(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "ngn")

        assert env.currency("GATE_SETTING", "") == "NGN"

    def test_refuses_what_is_no_code(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "euro")

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING='EURO' .*such as EUR"):
            env.currency("GATE_SETTING", "")


class TestChoice:
    def test_reads_one_of_its_words(self, setting: pytest.MonkeyPatch) -> None:
        assert env.choice("GATE_SETTING", "open", choices=("open", "shut")) == "open"

        setting.setenv("GATE_SETTING", "Shut")
        assert env.choice("GATE_SETTING", "open", choices=("open", "shut")) == "shut"

    def test_refuses_another_word(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "ajar")

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING='ajar' is unknown: use open or shut"):
            env.choice("GATE_SETTING", "open", choices=("open", "shut"))


class TestTimeZone:
    def test_reads_a_zone_of_the_iana_database(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "Africa/Lagos")

        assert env.time_zone("GATE_SETTING", "") == "Africa/Lagos"

    def test_refuses_what_is_no_zone(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "Lagos")

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING='Lagos' .*such as Europe/Berlin"):
            env.time_zone("GATE_SETTING", "")


class TestToken:
    def test_reads_a_token_of_any_length_or_none(self, setting: pytest.MonkeyPatch) -> None:
        assert env.token("GATE_SETTING", "") == ""

        setting.setenv("GATE_SETTING", "t0k")
        assert env.token("GATE_SETTING", "") == "t0k"

    @pytest.mark.parametrize("raw", ["hunter2 hunter2", "hunter2ö", "hunter2\nX: y"])
    def test_refuses_what_no_header_carries_and_never_shows_it(
        self, setting: pytest.MonkeyPatch, raw: str
    ) -> None:
        setting.setenv("GATE_SETTING", raw)

        with pytest.raises(ImproperlyConfigured, match=r"^GATE_SETTING has spaces") as refused:
            env.token("GATE_SETTING", "")

        assert "hunter2" not in str(refused.value)


class TestFolder:
    def test_a_relative_one_lies_in_the_checkout(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "var/gates")

        assert env.folder("GATE_SETTING", "") == str(env.ROOT / "var/gates")

    def test_an_absolute_one_stays(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "/srv/gates")

        assert env.folder("GATE_SETTING", "var/gates") == "/srv/gates"

    def test_none_stays_none(self, setting: pytest.MonkeyPatch) -> None:
        assert env.folder("GATE_SETTING", "") == ""


class TestEmail:
    def test_reads_a_mail_server(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "smtp+tls://user:p%40ss@mail.example.org:587")

        found = env.email("GATE_SETTING", "consolemail://")

        assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == ("mail.example.org", 587)
        assert (found["EMAIL_HOST_PASSWORD"], found["EMAIL_USE_TLS"]) == ("p@ss", True)

    @pytest.mark.parametrize(
        "raw",
        [
            "gopher://user:very-secret@mail.example.org",
            *("smtp:/very-secret", "smtp://", "smtp+tls://user:very-secret@", "smtps://:25"),
            *("smtp://mail.example.org:very-secret", "mail.example.org"),
        ],
    )
    def test_refuses_what_is_none_without_showing_it(self, setting: pytest.MonkeyPatch, raw: str) -> None:
        setting.setenv("GATE_SETTING", raw)

        with pytest.raises(ImproperlyConfigured, match="GATE_SETTING is not the URL") as refused:
            env.email("GATE_SETTING", "consolemail://")

        assert "very-secret" not in str(refused.value)
        assert refused.value.__suppress_context__


class TestWhatIsRefused:
    def test_is_noted_until_all_of_it_is_told(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "ten")
        setting.setenv("OTHER_SETTING", "short")

        env.note_refusals()
        read = env.whole_number("GATE_SETTING", 5), env.secret("OTHER_SETTING"), env.database("NO_SETTING")
        env.refuse("GATE_SETTING contradicts OTHER_SETTING")
        with pytest.raises(env.WrongSettings) as refused:
            env.raise_refusals()

        assert read == (5, "", {"PASSWORD": "", "OPTIONS": {}})
        assert [sentence.split()[0] for sentence in refused.value.sentences] == [
            "GATE_SETTING='ten'",
            "OTHER_SETTING",
            "NO_SETTING",
            "GATE_SETTING",
        ]

    def test_is_raised_at_once_afterwards(self, setting: pytest.MonkeyPatch) -> None:
        setting.setenv("GATE_SETTING", "ten")
        env.note_refusals()

        env.raise_refusals()

        with pytest.raises(ImproperlyConfigured, match="GATE_SETTING='ten'"):
            env.whole_number("GATE_SETTING", 5)


class TestAVariableThatLooksLikeASetting:
    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("POOL_SZIE", "POOL_SIZE"),
            ("pool_size", "POOL_SIZE"),
            ("POOL_OVERFLOW", "POOL_MAX_OVERFLOW"),
            ("WEB_WORKER", "WEB_WORKERS"),
            ("DATABASE_PASSWORD", "DATABASE_PASSWORD_FILE"),
            ("POOL_OF_SOMEBODY", ""),
        ],
    )
    def test_is_found_with_what_may_be_meant(
        self, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
    ) -> None:
        monkeypatch.setenv(name, "")

        assert dict(env.look_alikes()).get(name) == meant

    @pytest.mark.parametrize(
        "name",
        [
            *("PATH", "HOME", "HOSTNAME", "PGPASSWORD", "DJANGO_SETTINGS_MODULE", "WEB_CONCURRENCY"),
            *("EMAIL_PORT", "DATABASE_HOST", "DEMO_ADMIN_PASSWORD", "POOL_SIZE", "SERVER_PORT"),
        ],
    )
    def test_is_not_somebody_elses(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv(name, "5")

        assert name not in dict(env.look_alikes())
