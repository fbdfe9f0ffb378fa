"""Programs that run in the virtual environment of the OpenStack services, where hubfleet_sandbox is not installed.

What belongs here: files run by path with that environment's Python, on the standard library and OpenStack alone. What
never will: imports of the rest of this package, or of one OpenStack service at the top of a file.
"""
