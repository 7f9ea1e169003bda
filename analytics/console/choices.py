"""Options of form fields."""

from django.db.models import Sum

from analytics.models import PeriodCount
from projects.models import Project

MOST = 500


def events(project: Project) -> list[str]:
    """Event names of the project, most frequent first."""
    # From the served counts: every page has this list, and raw events would have to be scanned for it.
    seen = PeriodCount.objects.filter(project=project, interval="month").exclude(event="")
    counted = seen.values("event").annotate(total=Sum("events")).order_by("-total", "event")
    return list(counted.values_list("event", flat=True)[:MOST])
