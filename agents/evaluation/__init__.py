"""Who is better, and by how much: paired episodes, intervals, bounds and reports."""
