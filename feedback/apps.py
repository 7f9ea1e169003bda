from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "feedback"

    def ready(self) -> None:
        """What a project holds is told by analytics, which cannot know of comments: they are counted for it here."""
        from analytics.query import overview
        from feedback.models import Comment

        overview.counters["comments"] = lambda project: Comment.objects.filter(project=project).count()
