"""Makes a plan come true through the doors, and can be killed anywhere: the next run goes on.

What belongs here: requests in a good order, waits, healing. What never will: deciding what should be there (`plan`).
"""
