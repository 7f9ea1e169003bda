"""The Celery app and the schedule of the periodic tasks, which the apps define."""

import os
from typing import Any

from celery import Celery, bootsteps
from celery.beat import EmbeddedService, Scheduler
from click import Option

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

from config.home import broker, layout, private

# Also where no supervisor starts this process.
private.restrict_new_files()
app = Celery("firsthand")
app.conf.update(
    **broker.configuration(settings.BROKER_URL, layout.home()),
    beat_schedule={
        # `expires` drops a task that waited too long. Otherwise a backlog of ticks would run one after another.
        "enrich": {"task": "analytics.enrich", "schedule": 1.0, "options": {"expires": 2}},
        "load": {"task": "analytics.load", "schedule": 10.0, "options": {"expires": 10}},
        "maintain": {"task": "analytics.maintain", "schedule": 300.0, "options": {"expires": 300}},
        "deliver": {"task": "outbox.deliver", "schedule": 2.0, "options": {"expires": 2}},
        "prune": {"task": "outbox.prune", "schedule": 3600.0, "options": {"expires": 3600}},
        "prune-pictures": {"task": "feedback.prune", "schedule": 3600.0, "options": {"expires": 3600}},
        "heartbeat": {"task": "analytics.heartbeat", "schedule": 5.0, "options": {"expires": 5}},
    },
    # In memory: Celery's default scheduler keeps a file in the working directory.
    beat_scheduler=Scheduler,
    task_ignore_result=True,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    # Prefetched tasks would wait behind a long one.
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    timezone="UTC",
)
app.autodiscover_tasks()


class Beat(bootsteps.StartStopStep):
    """`--with-beat`: beat as a thread of this worker. Celery's -B forks the loaded worker, which costs 80 MB."""

    def __init__(self, worker: Any, *, with_beat: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.enabled = with_beat

    def create(self, worker: Any) -> Any:
        return EmbeddedService(worker.app, thread=True, scheduler_cls=Scheduler)


app.user_options["worker"].add(Option(["--with-beat"], is_flag=True, help="Also run beat, in a thread."))
app.steps["worker"].add(Beat)
