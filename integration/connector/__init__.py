"""Writes a Zapier Platform integration of this very site, made of what is enabled for REST.

What it is made of is one JSON document (`definition`); the JavaScript in `template/` is the same for every site.
"""
