"""Celery: the worker runs the pipeline's stages, beat says when. Tasks are named here and defined by their apps."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

from config.home import broker, layout

app = Celery("firsthand")
app.conf.update(
    **broker.configuration(settings.BROKER_URL, layout.home()),
    beat_schedule={
        # A tick that waited longer than `expires` seconds is dropped: the next one does its work.
        "enrich": {"task": "analytics.enrich", "schedule": 1.0, "options": {"expires": 2}},
        "load": {"task": "analytics.load", "schedule": 10.0, "options": {"expires": 10}},
        "maintain": {"task": "analytics.maintain", "schedule": 300.0, "options": {"expires": 300}},
        "heartbeat": {"task": "analytics.heartbeat", "schedule": 5.0, "options": {"expires": 5}},
    },
    task_ignore_result=True,
    task_default_delivery_mode="transient",
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    timezone="UTC",
)
app.autodiscover_tasks()
