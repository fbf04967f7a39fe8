"""Text layout without a terminal: functions from the core's results to lines of spans."""
