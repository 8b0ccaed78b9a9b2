"""Vega-Lite charts, made with Altair and drawn in the reader's browser.

A chart gets rows as they are stored and shows them; it judges nothing. Colours are the page's CSS
variables, so one chart serves light, dark and paper.
"""
