"""What every screen of every app stands on: the page frame, navigation, components and formats.

Imports Django and projects only.
"""
