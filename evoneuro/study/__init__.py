"""A study: one claim, its configurations over seeds, and what the numbers say.

`plan` reads the TOML file, `runner` sees its runs through, each in a process of its own (`one`), `held_out` scores what
they found, `summary` makes the table's numbers with `statistics`, `page` writes them
as Markdown, and `show` puts table and pictures into the study's directory.
"""
