"""Partners of a country before and after it opens, and how sure one is of their ranks."""
