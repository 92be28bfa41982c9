"""Configurations and secrets, and what is opened by them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import leaselock
from leaselock import BadConfig, Config, Secrets

PASSWORD = "correct-horse"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults() -> None:
    config = Config()
    assert {key: config.get(key) for key in Config.keys()} == {
        "db.url": None,
        "db.engine": "postgresql",
        "db.host": "localhost",
        "db.port": "5432",
        "db.dbname": "postgres",
        "db.migrations": "/db/migrations",
        "lock.ttl": "30",
        "lock.client_id": None,
        "lock.operation": "5",
        "lock.install": "true",
    }
    with pytest.raises(KeyError):
        config.get("db.prot")


def test_a_file(tmp_path: Path) -> None:
    path = written(tmp_path / "app.yaml", "db:\n  dbname: app\n  port: 5433\nlock: {ttl: 2.5}\n")
    for config in Config.load(path), Config.load(str(path)), Config.parse(path.read_bytes()):
        assert [config.get(key) for key in ("db.dbname", "db.port", "lock.ttl")] == ["app", "5433", "2.5"]
    assert repr(Config.load(path)) == f"<leaselock.Config of {str(path)!r}>"


@pytest.mark.parametrize(
    "text, line",
    [
        pytest.param("db:\n  host: a\n  prot: 5432\n", 3, id="unknown key"),
        pytest.param("db:\n  host: a\ndatabase:\n  port: 1\n", 3, id="unknown section"),
        pytest.param("db:\n  host: a\n  host: b\n", 3, id="key twice"),
        pytest.param("db:\n  port: many\n", 2, id="wrong type"),
        pytest.param("db:\n  host: [a]\n", 2, id="a list"),
        pytest.param("\ndb: 7\n", 2, id="no section"),
        pytest.param("db:\n  host: 'a\n", 3, id="no YAML"),
    ],
)
def test_an_error_names_file_and_line(text: str, line: int, tmp_path: Path) -> None:
    path = written(tmp_path / "app: 1.yaml", text)
    reads: list[tuple[str, Callable[[], object]]] = [
        (str(path), lambda: Config.load(path)),
        ("the text", lambda: Config.parse(text, "the text")),
        (str(path), lambda: leaselock.open(path)),
    ]
    for name, read in reads:
        with pytest.raises(BadConfig) as bad:
            read()
        assert (bad.value.file, bad.value.line) == (name, line)
        assert str(bad.value).startswith(f"{name}:{line}: ")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        leaselock.open("no/such/file.yaml")
    with pytest.raises(IsADirectoryError):
        Config.load(tmp_path)


def test_set_is_checked() -> None:
    config = Config({"db.port": 5433, "lock.ttl": 2.5, "lock.install": False})
    assert [config.get(key) for key in ("db.port", "lock.ttl", "lock.install")] == ["5433", "2.5", "False"]
    refused: list[tuple[str, str | bool]] = [("db.port", "many"), ("no.key", "x"), ("db.port", True), ("lock.install", "no")]
    for key, value in refused:
        with pytest.raises(BadConfig) as bad:
            config.set(key, value)
        assert (bad.value.file, bad.value.line) == (None, None)
    assert config.get("db.port") == "5433"


@pytest.mark.parametrize("how", [lambda path: path, str, Config.load], ids=["path", "str", "Config"])
def test_open_by_a_configuration(how: Callable[[Path], Any], url: str, tmp_path: Path) -> None:
    path = written(tmp_path / "app.yml", f"db: {{url: '{url}'}}\nlock: {{ttl: 7, client_id: from-file}}\n")
    with leaselock.open(how(path)) as locks, locks.obtain("a") as lease:
        assert (lease.ttl, lease.client_id) == (7, "from-file")
        with leaselock.open(url) as others, pytest.raises(leaselock.Busy):
            others.obtain_with_no_wait("a")


def test_what_a_configuration_says_itself(url: str) -> None:
    config = Config({"db.url": url})
    with pytest.raises(TypeError, match="ttl"):
        leaselock.open(config, ttl=1)
    with pytest.raises(TypeError, match="client_id"):
        leaselock.open(config, client_id="a")
    with pytest.raises(TypeError, match="operation_timeout"):
        leaselock.open(config, operation_timeout=1)
    with pytest.raises(TypeError, match="install"):
        leaselock.open(config, install=False)
    with pytest.raises(TypeError, match="secrets"):
        leaselock.open(url, secrets={})


def test_a_url_that_ends_like_a_file() -> None:
    with leaselock.open("memory:app.yaml") as locks:
        locks.obtain("a").release()


def test_migrations_by_a_configuration(file_url: str, tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    written(tmp_path / "migrations/1_a.up.sql", "CREATE TABLE a (x);")
    config = Config({"db.url": file_url, "db.migrations": str(tmp_path / "migrations")})
    with leaselock.db_migrations(config, {}) as migrations:
        assert leaselock.migration_succeeded(migrations.up())
        assert migrations.up().kind is leaselock.MigrationKind.NO_CHANGE
    with pytest.raises(TypeError, match="must be a leaselock.Config"):
        leaselock.db_migrations(file_url)  # type: ignore[arg-type]


class Vault:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, name: str, /) -> str | None:
        self.asked.append(name)
        return {"A": "α"}.get(name)


def test_sources_of_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "α")
    written(tmp_path / "A", "α\n")
    vault = Vault()
    for secrets in (
        Secrets({"A": "α"}),
        Secrets.environment(),
        Secrets.directory(tmp_path),
        Secrets.custom(vault),
        Secrets.custom({"A": "α"}.get),
    ):
        assert secrets.get("A") == "α"
        with pytest.raises(leaselock.NoSecret, match="B"):
            secrets.get("B")
    assert vault.asked == ["A", "B"]


def server() -> Config:
    """PostgreSQL where none listens: secrets are asked for, and the connection fails."""
    return Config({"db.host": "127.0.0.1", "db.port": 1, "lock.operation": 1})


@pytest.mark.parametrize("opens", [leaselock.open, leaselock.db_migrations])
def test_what_a_source_raises_comes_out_unchanged(opens: Callable[..., object]) -> None:
    problem = ZeroDivisionError("the vault's own")

    def get(name: str) -> str:
        raise problem

    for secrets in get, Secrets.custom(get):
        with pytest.raises(ZeroDivisionError) as raised:
            opens(server(), secrets=secrets)
        assert raised.value is problem


def test_what_a_source_may_not_give() -> None:
    for answer, expected in (7, TypeError), ("x" * 5000, ValueError), ("a\0b", ValueError), ("\ud800", ValueError):
        with pytest.raises(expected):
            Secrets.custom(lambda name, answer=answer: answer).get("A")  # type: ignore[misc]
    with pytest.raises(TypeError):
        leaselock.open(server(), secrets=7)  # type: ignore[arg-type]


def test_a_password_is_in_no_error() -> None:
    secrets = {"POSTGRES_USER": "app", "POSTGRES_PASSWORD": PASSWORD}
    for source in secrets, Secrets(secrets), secrets.get:
        with pytest.raises(leaselock.Error) as failed:
            leaselock.open(server(), secrets=source)  # type: ignore[arg-type]
        assert PASSWORD not in f"{failed.value} {failed.value!r} {vars(failed.value)}"
    assert PASSWORD not in repr(Secrets(secrets))


def test_a_password_is_not_shown_by_a_configuration(tmp_path: Path) -> None:
    url = f"postgresql://app:{PASSWORD}@127.0.0.1:1/app"
    config = Config.load(written(tmp_path / "app.yaml", f"db: {{url: '{url}'}}\nlock: {{operation: 1}}\n"))
    assert PASSWORD not in f"{config} {config!r}"
    for opens in leaselock.open, leaselock.db_migrations:
        with pytest.raises(leaselock.Error) as failed:
            opens(config)  # type: ignore[operator]
        assert PASSWORD not in f"{failed.value} {failed.value!r}"
    with pytest.raises(BadConfig) as bad:
        Config.parse(f"db:\n  urll: {url}\n")
    assert PASSWORD not in str(bad.value)
