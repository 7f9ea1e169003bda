"""The lean ASGI callable that takes events in."""
