"""Shared parts of all dashboard screens: page access, navigation, template tags, charts and formats.

Imports Django and projects only.
"""
