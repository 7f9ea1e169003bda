from django.apps import AppConfig
from django.core.checks import register


class OutboxConfig(AppConfig):
    name = "outbox"

    def ready(self) -> None:
        from outbox.kinds import check_builders

        register(check_builders)
