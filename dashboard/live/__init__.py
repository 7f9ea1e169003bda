"""Live pages: a page asks every half second whether something changed, and only then for its content.

1. Whoever changes what a page shows publishes it (changes.py): a NOTIFY in the transaction of the change.
2. Each web process listens and remembers the latest change of each topic in memory (listener.py).
3. Pages poll `/live/TOKEN` (endpoint.py), which runs neither Django nor SQL: static/js/changes.js.
"""
