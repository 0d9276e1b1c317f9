"""EvoNeuro's built-in tasks: plugins like any user's, found by entry points."""
