"""An interpreter of KQL in plain Python: a second opinion on what a query gives.

Written from Microsoft's reference, one row and one value at a time; it shares fpctl's parser, and
nothing else, with what it judges. Slow, and meant to be obvious.
"""
