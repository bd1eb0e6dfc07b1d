"""The snippets of Lilya's WebSocket page as printed there, imports aside, which name wsserve; a module for each app.

What the page prints as single expressions is in `expressions.py`, each expression evaluated on a live connection.
"""
