"""Places of studies as text: nothing secret is shown, nothing dangerous gets through."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from connsearch.errors import SettingsError
from connsearch.evolution.study.address import (
    QUERY_KEYS,
    checked,
    file_of,
    hidden,
    is_same,
    is_within,
    reachable,
    scrubbed,
)

SECRETS = ["s3cret", "s3cr@t", "s3/cr:et", "s3?cret", "s3%40cret", "s3#cret", "s3&cret=x"]
FORMS = [
    "postgresql+psycopg://{s}@host/db",
    "postgresql+psycopg://me:{s}@host/db",
    "postgresql://{s}:{s}@host:5432/db?sslmode={s}",
    "mysql+pymysql://me:{s}@host/db?password={s}",
    "postgresql://host/db?user={s}&password={s}",
    "postgresql:///db?host={s}",
    "grpc://me:{s}@host:13000",
    "sqlite+pysqlcipher://:{s}@/data/study.db?key={s}",
    "postgresql:/me:{s}@host/db",
    "mysql:me:{s}@host/db",
    "host=h dbname=d user={s} password={s}",
    "host=h password='{s} more'",
    "http://{s}@host",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_shown(form: str, secret: str) -> None:
    place = form.format(s=secret)
    for shown in (hidden(place), scrubbed(f"cannot reach {place}: no"), hidden(hidden(place))):
        pieces = [p for p in secret.replace("@", "/").replace("?", "/").split("/") if len(p) > 2]
        assert not any(piece in shown for piece in [secret, *pieces]), shown


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("study.journal", "study.journal"),
        ("/data/me@home/study.journal", "/data/me@home/study.journal"),
        ("sqlite:////a/me@home.db", "sqlite:////a/me@home.db"),
        ("mysql+pymysql://me:a@b:c@host/db", "mysql+pymysql://***@host/db"),
        ("postgresql://h/db?password=x&user=me", "postgresql://h/db?password=***&user=***"),
        ("postgresql://me@h:1/db?sslmode=require", "postgresql://***@h:1/db?sslmode=***"),
        ("grpc://node7:13000", "grpc://node7:13000"),
        ("grpc://[::1]:13000", "grpc://[::1]:13000"),
        ("memory", "memory"),
    ],
)
def test_what_is_no_secret_stays(place: str, shown: str) -> None:
    assert hidden(place) == shown
    assert hidden(shown) == shown


@pytest.mark.parametrize(
    ("said", "place", "shown"),
    [
        (
            'connection to "h" failed: FATAL: password authentication failed for user "jo"',
            "postgresql://jo:pw@h/db",
            'connection to "h" failed: FATAL: password authentication failed for user "***"',
        ),
        ("Access denied for user 'jo'@'h' (using password: YES)", "",
         "Access denied for user '***'@'h' (using password: YES)"),
        ("invalid dsn: host=h user=jo password='a b' sslmode=x", "",
         "invalid dsn: host=*** user=*** password=*** sslmode=***"),
        ("no p%40ss or p@ss here", "mysql://u:p%40ss@h/d", "no *** or *** here"),
        ("postgresql is here for jo", "postgresql://jo@h/d", "postgresql is here for ***"),
        ("see postgresql://jo:pw@h/db now", "", "see postgresql://***@h/db now"),
        ("disk full", "", "disk full"),
    ],
)  # fmt: skip
def test_what_drivers_say_is_scrubbed(said: str, place: str, shown: str) -> None:
    assert scrubbed(said, place) == shown


BAD_KEYS = (
    "service passfile sslkey sslcert options plugin creator krbsrvname gssencmode "
    "read_default_file init_command local_infile ssl_key dbname hostaddr requiressl "
    "mode uri cache vfs key sslMode %73ervice require_auth channel_binding"
).split()


@pytest.mark.parametrize(
    ("kind", "key"),
    list(itertools.product(["postgresql+psycopg", "mysql+pymysql", "sqlite"], BAD_KEYS)),
)
def test_a_query_has_only_the_keys_that_are_listed(kind: str, key: str) -> None:
    place = f"{kind}:///db?{key}=s3cret"
    with pytest.raises(SettingsError, match=r"query key .* not allowed") as caught:
        checked(place)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"query key .* not allowed"):
        checked(f"{kind}://me:a?b@host/db?{key}=1")


def test_the_keys_that_are_listed_pass() -> None:
    for kind, keys in QUERY_KEYS.items():
        query = "&".join(f"{key}=1" for key in keys)
        assert checked(f"{kind}://me:p?w@host/db?{query}").endswith(query)
    assert checked("sqlite:////a/b.db") == "sqlite:////a/b.db"
    assert checked("a=b.journal") == "a=b.journal"
    for place in ("postgresql:/h/db", "host=h password=p", "mysql:me:p@h/d", "redis:x"):
        with pytest.raises(SettingsError, match=r"not a storage\n  allowed:"):
            checked(place)


def test_places_are_compared_by_what_they_are(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "out.journal").symlink_to(tmp_path / "elsewhere.journal")
    assert is_same("in/a.journal", str(tmp_path / "link" / "a.journal"))
    assert is_same("sqlite:///in/a.db", f"sqlite:///{tmp_path}/in/../link/a.db")
    assert not is_same("in/a.db", f"sqlite:///{tmp_path}/in/a.db")
    assert not is_same("postgresql://h/a", "postgresql://h/b")
    assert is_same("postgresql://me:x@h/a", "postgresql://you@h/a")
    inside = ("link/a.journal", f"sqlite:///{tmp_path}/in/x/../a.db", "in")
    outside = ("a.journal", "in/../a.journal", "in/out.journal", "postgresql://h/a", "memory")
    assert [is_within(place, Path("in")) for place in inside] == [True] * len(inside)
    assert [is_within(place, Path("in")) for place in outside] == [False] * len(outside)
    assert file_of("sqlite://") is file_of("sqlite:///:memory:") is file_of("grpc://h:1") is None


def test_others_are_told_an_address_they_can_use() -> None:
    assert reachable("localhost") == "localhost"
    assert reachable("node7") == "node7"
    for host in ("0.0.0.0", "::", "[::]", ""):
        assert reachable(host) not in ("0.0.0.0", "::", "[::]", "")
