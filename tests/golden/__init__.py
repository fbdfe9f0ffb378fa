"""Files in, data out: what each provider makes of a cluster file."""
