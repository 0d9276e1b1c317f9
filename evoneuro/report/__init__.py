"""What people look at: pictures, the live display of a run and its report.

Nothing is imported here: `pictures` needs matplotlib and `live` needs rich, so each is imported by whoever draws.
"""
