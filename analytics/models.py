"""People, their ids, sessions, and the pipeline's ledger and versions.

analytics_inbox and analytics_event have no models. Migration 0002 creates them from schema.py, and only set-based SQL
writes them.
"""

from django.db import models
from django.utils.timezone import now

from projects.models import Project


class Person(models.Model):
    """The person behind one or more distinct ids. `merged_into` is set once they are merged into another person."""

    # Each event updates its person, and with it every index: these two would only repeat others.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    identified = models.BooleanField(default=False)
    name = models.TextField(
        default="", blank=True, help_text="what screens call them: a name, an address, or an id"
    )
    search = models.TextField(
        default="", blank=True, help_text="lower case: name, address and ids, for the list"
    )
    properties = models.JSONField(default=dict, blank=True)
    assertions = models.JSONField(
        default=dict, blank=True, editable=False,
        help_text="where the properties come from: [microseconds, sequence, once, value] by name, of events that are"
        " stored as this person",
    )  # fmt: skip
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    events = models.BigIntegerField(default=0)
    sessions = models.IntegerField(default=0)

    class Meta:
        db_table = "analytics_person"
        indexes = [
            models.Index(
                fields=["merged_into"], name="person_merged", condition=models.Q(merged_into__isnull=False)
            ),
            models.Index(
                fields=["project", "-last_seen", "-id"],
                name="person_last_seen",
                condition=models.Q(merged_into=None),
            ),
            models.Index(
                fields=["project", "-first_seen", "-id"],
                name="person_first_seen",
                condition=models.Q(merged_into=None),
            ),
            models.Index(
                fields=["project", "-events", "-id"],
                name="person_events",
                condition=models.Q(merged_into=None),
            ),
            models.Index(
                fields=["project", "-sessions", "-id"],
                name="person_sessions",
                condition=models.Q(merged_into=None),
            ),
            models.Index(
                fields=["project", "name", "id"], name="person_name", condition=models.Q(merged_into=None)
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"person {self.pk}"


class DistinctId(models.Model):
    """An id that a client uses for a person, with counters of its own.

    A person's counters are those of their ids, combined (sum, least, greatest), so a merge and its undo never lose
    count. `origin_id` is the person under whom this id's events are stored; null means `person` itself. It stays when
    a merge moves the id, so that the merge can be undone.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    distinct_id = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="distinct_ids")
    is_user = models.BooleanField(default=False, help_text="a user id, not a device's or a browser's")
    verified = models.BooleanField(
        default=False, db_default=False, help_text="an identity token or a secret key proved the user id"
    )
    added_at = models.DateTimeField(default=now)
    origin_id = models.BigIntegerField(null=True, blank=True)
    events = models.BigIntegerField(default=0)
    first_seen = models.DateTimeField(null=True, blank=True)
    last_seen = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "analytics_distinct_id"
        constraints = [
            models.UniqueConstraint(fields=["project", "distinct_id"], name="one_person_per_distinct_id")
        ]

    def __str__(self) -> str:
        return self.distinct_id


class IdentityLink(models.Model):
    """Append-only: every link of two ids to one person, every undo, and every refused link with its reason."""

    class Cause(models.TextChoices):
        IDENTIFY = "identify"
        ALIAS = "alias"
        BY_HAND = "by hand"
        UNDO = "undo"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    cause = models.CharField(max_length=10, choices=Cause.choices)
    linked_id = models.TextField(help_text="the anonymous or earlier id")
    distinct_id = models.TextField(help_text="the id that stays")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.CASCADE, related_name="+",
        help_text="the person that was merged into `person`, or that could not be",
    )  # fmt: skip
    refused = models.TextField(default="", blank=True, help_text="why the two stayed two")
    by = models.TextField(default="", blank=True, help_text="who did it, where it was done by hand")
    event_id = models.UUIDField(null=True, blank=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "analytics_identity_link"
        indexes = [
            models.Index(fields=["project", "distinct_id", "linked_id"], name="link_by_ids"),
            models.Index(fields=["project"], name="undone_links", condition=models.Q(cause="undo")),
        ]

    def __str__(self) -> str:
        return f"{self.linked_id} is {self.distinct_id} ({self.cause})"


class Redirect(models.Model):
    """Append-only and flat: events stored under `person_id` belong to `target_id` as of `link`. The newest row counts.

    Merging B into C, after A into B, appends B -> C and A -> C. So one look-up always suffices, and the state at any
    earlier link can be read (`link_id <= n`).
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    person_id = models.BigIntegerField()
    target_id = models.BigIntegerField()
    link = models.ForeignKey(IdentityLink, on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "analytics_redirect"
        constraints = [models.UniqueConstraint(fields=["person_id", "link"], name="one_target_per_link")]
        indexes = [
            models.Index(fields=["project", "link"], name="redirect_by_link"),
            models.Index(fields=["target_id"], name="redirect_by_target"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} -> {self.target_id}"


class Session(models.Model):
    """A client's session. It ends after 30 minutes without events, or after 24 hours.

    `device_id` is the browser or app whose events without a session id form it; then `client_id` is made from
    project, device and start. `origin_id` is the person under whom its first event is stored; null means `person`
    itself.

    `ended_at` is the time of its last event, `active_until` of the last that was not a server's. Only client events
    prolong a session.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+", db_index=False)
    client_id = models.TextField()
    device_id = models.TextField(null=True, blank=True)
    origin_id = models.BigIntegerField(null=True, blank=True)
    started_at = models.DateTimeField()
    active_until = models.DateTimeField()
    ended_at = models.DateTimeField()
    events = models.IntegerField(default=0)
    pageviews = models.IntegerField(default=0)
    entry_path = models.TextField(null=True, blank=True)
    exit_path = models.TextField(null=True, blank=True)
    referring_domain = models.TextField(null=True, blank=True)
    utm_source = models.TextField(null=True, blank=True)
    utm_medium = models.TextField(null=True, blank=True)
    utm_campaign = models.TextField(null=True, blank=True)
    browser = models.TextField(null=True, blank=True)
    os = models.TextField(null=True, blank=True)
    device = models.TextField(null=True, blank=True)
    country = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "analytics_session"
        indexes = [
            models.Index(fields=["project", "client_id"], name="session_by_client_id"),
            models.Index(fields=["person", "-started_at"], name="session_by_person"),
        ]

    def __str__(self) -> str:
        return f"session {self.pk} from {self.started_at:%Y-%m-%d %H:%M}"


class LedgerEntry(models.Model):
    """Counts of events per hour of arrival; doctor checks that they add up.

    received = stored + duplicates + refused + quarantined + waiting

    `project_id` is 0 for requests with an unknown key, so it is not a foreign key.
    """

    class Outcome(models.TextChoices):
        RECEIVED = "received"
        REFUSED = "refused"
        STORED = "stored"
        DUPLICATE = "duplicate"
        QUARANTINED = "quarantined"
        UNPROVED = "unproved", "kept, but refused if identity were enforced"

    project_id = models.IntegerField()
    hour = models.DateTimeField()
    outcome = models.CharField(max_length=11, choices=Outcome.choices)
    reason = models.CharField(
        max_length=40, default="", help_text="why it was refused; `no_person` if it was stored without one"
    )
    count = models.BigIntegerField(default=0)

    class Meta:
        db_table = "analytics_ledger"
        constraints = [
            models.UniqueConstraint(
                fields=["project_id", "hour", "outcome", "reason"], name="one_entry_per_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} {self.reason}".strip()


class IngestionWarning(models.Model):
    """A sample of an event that was refused or changed on arrival. Only the newest are kept (pruning.py)."""

    project_id = models.IntegerField()
    reason = models.CharField(max_length=40)
    message = models.TextField()
    sample = models.TextField(default="", blank=True, help_text="the first bytes of the event, as text")
    at = models.DateTimeField(default=now)

    class Meta:
        db_table = "analytics_warning"
        indexes = [models.Index(fields=["project_id", "-at"], name="warning_newest")]

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Stage(models.TextChoices):
    """The stages of the pipeline."""

    ENRICH = "enrich"
    LOAD = "load"
    ROLLUP = "rollup"


class QuarantinedEvent(models.Model):
    """An acknowledged event that enrich cannot store or load cannot load, kept whole until it is replayed
    (enrich/quarantine.py, lake/unloadable.py)."""

    project_id = models.IntegerField()
    stage = models.CharField(max_length=6, choices=Stage.choices, default=Stage.ENRICH)
    event_id = models.UUIDField(null=True, blank=True, help_text="of load: no copy of it is stored meanwhile")
    event = models.TextField()
    distinct_id = models.TextField()
    received_at = models.DateTimeField()
    sqlstate = models.CharField(max_length=5, default="", help_text="PostgreSQL's error code, if it has one")
    message = models.TextField()
    quarantined_at = models.DateTimeField(default=now)
    row = models.TextField(help_text="the whole row of the inbox, or of analytics_event for load, as JSON")

    class Meta:
        db_table = "analytics_quarantine"
        indexes = [
            models.Index(fields=["project_id", "id"], name="quarantine_by_project"),
            models.Index(
                fields=["event_id"], name="quarantine_by_event", condition=models.Q(stage=Stage.LOAD)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.distinct_id}: {self.message}"


class StageFailure(models.Model):
    """A project whose events a stage could not process, until the stage processes some of them again."""

    stage = models.CharField(max_length=6, choices=Stage.choices)
    project_id = models.IntegerField()
    failures = models.IntegerField(default=1, help_text="in succession")
    stopped = models.BooleanField(default=False, help_text="the stage leaves the project's events alone")
    message = models.TextField()
    since = models.DateTimeField(default=now)
    at = models.DateTimeField(default=now, help_text="the newest failure")

    class Meta:
        db_table = "analytics_stage_failure"
        constraints = [models.UniqueConstraint(fields=["stage", "project_id"], name="one_failure_per_stage")]

    def __str__(self) -> str:
        return f"{self.stage} of project {self.project_id}: {self.message}"


class DataVersion(models.Model):
    """One state of the installation: the versions of lake, activity, facts and merges that answers come from.

    The `data_version` of the API is per project: see ProjectVersion and versions.py.
    """

    lake_version = models.BigIntegerField()
    activity_version = models.BigIntegerField()
    facts_version = models.BigIntegerField(
        null=True, help_text="null: made before the lake had facts, so all of them are still to be computed"
    )
    link_id = models.BigIntegerField(default=0, help_text="the newest identity link that counts")
    created_at = models.DateTimeField(default=now)

    class Meta:
        db_table = "analytics_data_version"

    def __str__(self) -> str:
        return f"data version {self.pk}"


class ProjectVersion(models.Model):
    """One data version of a project: from state `number` to state `last`, nothing of the project changed."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    number = models.BigIntegerField(
        help_text="the first state that it held in, which may be forgotten by now"
    )
    # DO_NOTHING: deleting a state that a version still needs fails at COMMIT. CASCADE would delete the version.
    last = models.ForeignKey(
        DataVersion, null=True, on_delete=models.DO_NOTHING, related_name="+",
        help_text="the last state that it held in; null while it is the current version",
    )  # fmt: skip

    class Meta:
        db_table = "analytics_project_version"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_row_per_version"),
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(last=None), name="one_current_version"
            ),
        ]

    def __str__(self) -> str:
        return f"data version {self.number}"


class RollupCalendar(models.Model):
    """The calendar that a project's rollups were computed with. When the project's differs, all are recomputed."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="+")
    timezone = models.CharField(max_length=64)
    week_start = models.PositiveSmallIntegerField()
    firsts_version = models.BigIntegerField(
        null=True, help_text="from this version on the lake's firsts are right for the project"
    )

    class Meta:
        db_table = "analytics_rollup_calendar"

    def __str__(self) -> str:
        return f"{self.timezone}, weeks from day {self.week_start}"


class PeriodCount(models.Model):
    """Served: events and people per local period and event name ('' is any event)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    interval = models.CharField(max_length=5)
    start = models.DateField()
    event = models.TextField(default="")
    events = models.BigIntegerField()
    people = models.BigIntegerField()

    class Meta:
        db_table = "analytics_rollup_count"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "interval", "event", "start"], name="one_count_per_period"
            )
        ]

    def __str__(self) -> str:
        return f"{self.interval} {self.start}: {self.events} events of {self.people} people"


class ReturnCell(models.Model):
    """Served: people of a first-time cohort (any event) who were active `offset` periods later."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    period = models.CharField(max_length=5)
    cohort = models.DateField()
    offset = models.IntegerField()
    people = models.BigIntegerField()

    class Meta:
        db_table = "analytics_rollup_return"
        constraints = [
            models.UniqueConstraint(
                fields=["project", "period", "cohort", "offset"], name="one_cell_per_offset"
            )
        ]

    def __str__(self) -> str:
        return f"{self.period} cohort {self.cohort} +{self.offset}: {self.people}"


class Heartbeat(models.Model):
    """When a part of the installation last reported that it is alive (GET /readyz)."""

    part = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField(default=now)

    class Meta:
        db_table = "analytics_heartbeat"

    def __str__(self) -> str:
        return f"{self.part} at {self.at:%H:%M:%S}"
