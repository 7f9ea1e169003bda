"""Shared parts of all export API endpoints: keys, parameters, pages, cursors, streams and errors.

Imports Django, the REST framework and projects only.
"""
