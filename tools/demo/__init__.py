"""`make demo`: a fleet comes up and shows, chapter by chapter, what the collection promises."""
