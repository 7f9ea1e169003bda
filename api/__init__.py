"""What every endpoint of the export API stands on: keys, parameters, pages, cursors, streams and errors.

Imports Django, the REST framework and projects only.
"""
