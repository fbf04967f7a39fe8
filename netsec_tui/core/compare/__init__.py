"""Compare policies: what is applied, what the draft would change, what recorded traffic would meet."""
