"""Requests that `mlflow server` and maru answer alike, as tables: one module a topic.

A case is sent to both servers. Words in braces are values that earlier cases kept, each server its
own. What both are known to answer differently, and why, is in `differences`.
"""
