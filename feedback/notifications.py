"""Notifications about new comments: webhooks of the project and emails to its members.

A delivery refers to the comment. Its text is read when it is sent, so that deleted or replaced text is not sent.
"""

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from config import site
from feedback import webhooks
from feedback.models import Comment
from outbox import deliveries
from outbox.mail import Mail
from outbox.messages import Cancelled
from outbox.models import Delivery
from outbox.webhook import WebhookPost
from projects import access
from projects.models import Membership


def comment_left(comment: Comment) -> None:
    """Queue one delivery per receiver, in the transaction that stores the comment."""
    project = comment.project
    # `receiver` is only shown. URLs and addresses are read again when a delivery is sent.
    for webhook in webhooks.live(project):
        about = {"comment": comment.pk, "webhook": webhook.pk}
        deliveries.put("comment.webhook", about, receiver=webhook.url, project=project)
    for user in access.comment_subscribers(project):
        about = {"comment": comment.pk, "user": user.pk}
        deliveries.put("comment.mail", about, receiver=user.email, project=project)


def set_preferences(membership: Membership, *, email: str, notify_comments: bool) -> None:
    """Set a member's email address and subscription. Raises ValidationError for an invalid address."""
    if notify_comments and not email:
        raise ValidationError("Enter an email address, or turn the notification off.")
    User._meta.get_field("email").clean(email, membership.user)
    with transaction.atomic():
        # update(), not save(): save() would write back columns that others have changed meanwhile.
        User.objects.filter(pk=membership.user_id).update(email=email)
        Membership.objects.filter(pk=membership.pk).update(notify_comments=notify_comments)


def comment_webhook(delivery: Delivery) -> WebhookPost:
    """Builds a "comment.webhook" delivery, whose payload is {"comment": id, "webhook": id}. Raises Cancelled."""
    return webhooks.comment_created(delivery.payload["webhook"], _comment(delivery))


def comment_mail(delivery: Delivery) -> Mail:
    """Builds a "comment.mail" delivery, whose payload is {"comment": id, "user": id}. Raises Cancelled."""
    comment = _comment(delivery)
    user = access.comment_subscribers(comment.project).filter(pk=delivery.payload["user"]).first()
    if user is None:
        raise Cancelled("The recipient has left the project or turned these emails off.")
    return Mail(user.email, f"[{comment.project.name}] {_summary(comment)}", _text(comment, user))


def _comment(delivery: Delivery) -> Comment:
    comment = Comment.objects.select_related("project").filter(pk=delivery.payload["comment"]).first()
    if comment is None or comment.deleted_at is not None:
        raise Cancelled("The comment was deleted.")
    return comment


def _summary(comment: Comment) -> str:
    return f"{comment.reaction.capitalize() or 'New comment'} from {comment.distinct_id} ({comment.receipt})"


def _text(comment: Comment, user: User) -> str:
    base = f"{site.address()}/projects/{comment.project.slug}"
    why = f"You get this email at {user.email} because you are a member of {comment.project.name}."
    parts = [
        _summary(comment),
        comment.text or "(no text)",
        f"Page: {comment.url}" if comment.url else "",
        f"Read it in the inbox:\n{base}/inbox/#{comment.receipt}",
        f"{why}\nTurn it off: {base}/settings/notifications/",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
