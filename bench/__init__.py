"""`make bench`: what a poll costs, as a share of what a bare Django endpoint on the same server carries.

The one place that may write records without `submit`: a hundred thousand of them would take minutes otherwise.
"""
