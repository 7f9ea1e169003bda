"""Rate limits: exactly as many requests as are allowed, whichever process counts them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from projects import rates
from projects.models import Key
from tests.people import Team, assemble


@pytest.fixture
def key(team: Team) -> str:
    """The bucket of a key."""
    return f"key {Key.objects.get(project=team.id, kind=Key.Kind.API).pk}"


def passes(key: str, seconds: float) -> None:
    """As if so much time had passed since the key's last request."""
    with connection.cursor() as cursor:
        back = (
            "UPDATE projects_rate SET busy_until = busy_until - make_interval(secs => %s) WHERE bucket = %s"
        )
        cursor.execute(back, [seconds, key])


def test_as_many_as_are_allowed_at_once_and_then_one_after_the_other(key: str) -> None:
    assert [rates.take(key, 4) for _ in range(4)] == [0, 0, 0, 0]
    assert 14 < rates.take(key, 4) <= 15
    assert 14 < rates.take(key, 4) <= 15, "what was refused does not count"
    passes(key, 15)
    assert rates.take(key, 4) == 0
    assert rates.take(key, 4) > 14


def test_a_minute_of_rest_gives_all_of_it_back_and_a_day_no_more(key: str) -> None:
    for rest in (60, 86_400):
        passes(key, rest)
        assert [rates.take(key, 3) == 0 for _ in range(4)] == [True, True, True, False]


def test_two_keys_do_not_share(key: str) -> None:
    other = f"key {Key.objects.get(project=assemble().id, kind=Key.Kind.API).pk}"
    assert [rates.take(each, 1) == 0 for each in (key, other, key)] == [True, True, False]


def test_many_at_the_same_time_get_exactly_as_many_through(key: str) -> None:
    def take(_: int) -> bool:
        try:
            return rates.take(key, 20) == 0
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(60))) == 20


def test_buckets_that_are_empty_again_are_deleted(key: str) -> None:
    rates.take(key, 3)
    rates.take(f"{key} busy", 3)
    passes(key, 60)
    rates.prune()
    with connection.cursor() as cursor:
        cursor.execute("SELECT bucket FROM projects_rate WHERE starts_with(bucket, %s)", [key])
        assert cursor.fetchall() == [(f"{key} busy",)]
