"""Public endpoints by path and method, for clients with a write key. config/asgi.py passes them to ingest."""

from analytics.record import ANSWER_EVENT, COMMENT_EVENT, REPLY_EVENT, VERDICT_EVENT
from analytics.record.visitors import Methods, VisitorEndpoint, no_fields
from feedback.embed import comment_form, own_data, picture_uploads, prompt_endpoints, thread_endpoints

ENDPOINTS: dict[str, Methods] = {
    "/v1/comments": {"POST": VisitorEndpoint(COMMENT_EVENT, comment_form.read, comment_form.handle)},
    "/v1/pictures": {
        "POST": VisitorEndpoint(
            "", picture_uploads.read, picture_uploads.handle, upload=picture_uploads.MAX_BODY
        )
    },
    "/v1/threads": {"GET": VisitorEndpoint("", no_fields, thread_endpoints.list_threads)},
    "/v1/threads/{thread}/messages": {
        "POST": VisitorEndpoint(REPLY_EVENT, thread_endpoints.read_words, thread_endpoints.post_message)
    },
    "/v1/threads/{thread}/read": {
        "POST": VisitorEndpoint(REPLY_EVENT, thread_endpoints.read_seen, thread_endpoints.post_read)
    },
    "/v1/threads/{thread}/verdict": {
        "POST": VisitorEndpoint(VERDICT_EVENT, thread_endpoints.read_verdict, thread_endpoints.post_verdict)
    },
    "/v1/threads/{thread}/messages/{message}": {
        "PATCH": VisitorEndpoint(REPLY_EVENT, thread_endpoints.read_words, thread_endpoints.edit_message),
        "DELETE": VisitorEndpoint("", no_fields, thread_endpoints.delete_message),
    },
    "/v1/prompts": {"GET": VisitorEndpoint("", no_fields, prompt_endpoints.get_prompt)},
    "/v1/prompts/{prompt}/answer": {
        "POST": VisitorEndpoint(ANSWER_EVENT, prompt_endpoints.read_answer, prompt_endpoints.post_answer)
    },
    "/v1/prompts/{prompt}/dismiss": {
        "POST": VisitorEndpoint(ANSWER_EVENT, prompt_endpoints.read_nothing, prompt_endpoints.post_dismiss)
    },
    "/v1/me": {
        "GET": VisitorEndpoint("", no_fields, own_data.get_me),
        "DELETE": VisitorEndpoint("", no_fields, own_data.delete_me),
    },
}
