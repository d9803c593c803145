"""Steam: reviews of video games."""
