"""Browser, OS, device and country of events; user agents and IP addresses are not stored."""

from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from analytics.enrich import agents
from analytics.models import Session
from tests.journey import Journey
from tests.people import Team

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Mobile/15E148 Safari/604.1"
)
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/16.6 Mobile/15E148 Safari/604.1"
)
PIXEL = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Mobile Safari/537.36"
)
GALAXY_TAB = PIXEL.replace("Pixel 8", "SM-X710").replace("Mobile Safari", "Safari")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("text", "browser", "system", "device"),
    [
        (CHROME, "Chrome", "Windows", "desktop"),
        (FIREFOX, "Firefox", "Linux", "desktop"),
        (IPHONE, "Mobile Safari", "iOS", "mobile"),
        (IPAD, "Mobile Safari", "iOS", "tablet"),
        (PIXEL, "Chrome Mobile", "Android", "mobile"),
        (GALAXY_TAB, "Chrome", "Android", "tablet"),
    ],
)
def test_browsers_and_devices_are_recognized(text: str, browser: str, system: str, device: str) -> None:
    assert agents.agent(text) == (browser, system, device)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        (GOOGLEBOT, "bot"),
        ("python-requests/2.32.3", "server"),
        ("analytics-python/2.4.0", "server"),
        ("curl/8.5.0", "server"),
        ("", "server"),
        ("😀 nonsense (", "server"),
    ],
)
def test_programs_are_bots_or_servers(text: str, device: str) -> None:
    assert agents.agent(text)[2] == device


def test_the_user_agent_itself_is_not_stored(team: Team) -> None:
    Journey(team).page("ana", context={"userAgent": IPHONE, "ip": "203.0.113.7"}).enriched()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM analytics_event WHERE project_id = %s", [team.id])
        columns = [column.name for column in cursor.description]
        event = dict(zip(columns, cursor.fetchone(), strict=True))
    assert (event["browser"], event["os"], event["device"], event["country"]) == (
        "Mobile Safari", "iOS", "mobile", None,
    )  # fmt: skip
    assert not any("203.0.113.7" in str(value) or "AppleWebKit" in str(value) for value in event.values())


def countries_of(lower: str, upper: str) -> bytes:
    """A GeoIP database of two countries: one for each half of the addresses."""

    def text(said: str) -> bytes:
        return bytes([2 << 5 | len(said)]) + said.encode()

    def number(value: int, kind: int = 5) -> bytes:
        return bytes([kind << 5 | 2]) + value.to_bytes(2, "big")

    def mapping(**items: bytes) -> bytes:
        return bytes([7 << 5 | len(items)]) + b"".join(text(name) + value for name, value in items.items())

    first, second = (mapping(country=mapping(iso_code=text(code))) for code in (lower, upper))
    pointers = [1 + 16 + offset for offset in (0, len(first))]
    tree = b"".join(pointer.to_bytes(3, "big") for pointer in pointers)
    about = mapping(
        binary_format_major_version=number(2), binary_format_minor_version=number(0), build_epoch=bytes([2, 2, 0, 1]),
        database_type=text("Country"), description=mapping(), ip_version=number(4), languages=bytes([0, 4]),
        node_count=number(1, 6), record_size=number(24),
    )  # fmt: skip
    return tree + bytes(16) + first + second + b"\xab\xcd\xefMaxMind.com" + about


def test_an_address_gives_a_country_where_there_is_a_database(
    team: Team, tmp_path: Path, settings: Settings
) -> None:
    database = tmp_path / "countries.mmdb"
    database.write_bytes(countries_of("NZ", "SE"))
    settings.GEOIP_PATH = str(database)
    journey = Journey(team).page("ana", context={"ip": "100.64.0.1"}, session="s1")
    journey.page("bo", context={"ip": "203.0.113.7"}).page("cy", context={"ip": "2001:db8::1"}).enriched()
    with connection.cursor() as cursor:
        cursor.execute("SELECT distinct_id, country FROM analytics_event WHERE project_id = %s", [team.id])
        assert dict(cursor.fetchall()) == {"ana": "NZ", "bo": "SE", "cy": None}
    assert Session.objects.get(project=team.id, client_id="s1").country == "NZ"


def test_an_unreadable_geoip_file_is_logged_once_and_stops_nothing(
    team: Team, tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "countries.mmdb"
    broken.write_bytes(b"this is no database")
    settings.GEOIP_PATH = str(broken)
    for who in ("ana", "bo"):
        assert Journey(team).page(who, context={"ip": "203.0.113.7"}).enriched().stored == 1
    (line,) = [record.getMessage() for record in caplog.records if record.name == agents.__name__]
    assert "FIRSTHAND_GEOIP" in line
    assert str(broken) in line
