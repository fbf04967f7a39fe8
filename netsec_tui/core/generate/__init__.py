"""Generate policies from what was included, write them as YAML, tell which rows stand behind each rule."""
