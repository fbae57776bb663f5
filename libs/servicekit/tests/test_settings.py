"""Settings from the environment, and secrets from files."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsConfigDict

from dawr.servicekit.settings import PlatformSettings, ServiceSettings, read_secret


class ShopSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_", extra="ignore", use_attribute_docstrings=True)

    hold_seconds: int = 900
    """For how long a thing is kept."""


class SafeSettings(ShopSettings):
    known_secrets: ClassVar[Mapping[str, str]] = {"sealing_keys": "known-key", "pepper": "known-pepper"}

    sealing_keys: SecretStr = SecretStr("")
    """Keys with commas between."""
    pepper: str = "known-pepper"
    """Set by everybody who means it."""


def test_a_service_reads_its_own_names_and_those_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SHOP_HTTP_PORT": "8099",
        "SHOP_HOLD_SECONDS": "60",
        "SHOP_DATABASE_URL": "postgresql://shop@db/shop",
        "DAWR_KAFKA": "kafka:9092",
        "DAWR_TOPIC_PREFIX": "test.",
        "DAWR_LOG_FORMAT": "console",
        "DAWR_SOMETHING_ELSE": "is ignored",
        "HTTP_PORT": "1",
        "KAFKA": "nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    settings = ShopSettings()
    assert (settings.http_port, settings.hold_seconds) == (8099, 60)
    assert settings.database_url == "postgresql://shop@db/shop"
    assert settings.platform.kafka == "kafka:9092"
    assert settings.platform.topic_prefix == "test."
    assert settings.platform.log_format == "console"


def test_what_nobody_set_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DAWR_ENVIRONMENT", "SHOP_HTTP_HOST", "DAWR_LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    settings = ShopSettings()
    assert settings.http_host == "127.0.0.1"
    assert settings.platform.environment == "production"
    assert settings.platform.log_format == "json"
    assert settings.http_body_bytes == 65536


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOP_HTTP_PORT", "70000"),
        ("SHOP_HTTP_PORT", "eighty"),
        ("SHOP_DRAIN_SECONDS", "0"),
        ("SHOP_DATABASE_POOL_CONNECTIONS", "0"),
        ("DAWR_ENVIRONMENT", "staging"),
        ("DAWR_KAFKA_SESSION_SECONDS", "0.1"),
    ],
)
def test_a_setting_that_can_not_be_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        ShopSettings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOP_SEALING_KEYS", "known-key"),
        ("SHOP_SEALING_KEYS", "new-key, known-key"),
        ("SHOP_SEALING_KEYS", "file:{folder}/known"),
        ("SHOP_SEALING_KEYS", "file:{folder}/nothing"),
        ("SHOP_PEPPER", None),
        ("SHOP_DATABASE_URL", "postgresql://shop:shop-development@db/shop"),
    ],
)
def test_production_keeps_its_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str | None
) -> None:
    (tmp_path / "known").write_text("known-key\n")
    good = {
        "DAWR_ENVIRONMENT": "production",
        "SHOP_SEALING_KEYS": "new-key",
        "SHOP_PEPPER": "own-pepper",
        "SHOP_DATABASE_URL": "postgresql://shop:own-password@db/shop",
    }
    for each, text in good.items():
        monkeypatch.setenv(each, text)
    assert SafeSettings().pepper == "own-pepper"
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value.format(folder=tmp_path))
    with pytest.raises(ValidationError, match=name) as error:
        SafeSettings()
    assert not any(secret in str(error.value) for secret in ("new-key", "own-pepper", "own-password"))
    if "nothing" not in str(value):
        monkeypatch.setenv("DAWR_ENVIRONMENT", "development")
        SafeSettings()


def test_every_setting_says_what_it_is() -> None:
    undescribed = {"database_pool_connections", "http_host", "http_port", "log_format", "log_level", "environment"}
    for settings in (ShopSettings, PlatformSettings):
        for name, field in settings.model_fields.items():
            assert field.description or name in undescribed | {"platform"}, name


def test_a_secret_comes_by_value_or_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    assert read_secret("hunter2") == "hunter2"
    assert read_secret(f"file:{tmp_path / 'secret'}") == "hunter2"
