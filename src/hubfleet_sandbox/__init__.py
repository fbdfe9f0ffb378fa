"""A Jetstream2 in miniature on one Linux machine: real OpenStack APIs, real Kubernetes, real nodes.

What belongs here: bringing that cloud up, playing the parts of it that need a data centre (Cluster API's controllers,
virtual machines, Octavia), breaking it on request, and leaving nothing behind. What never will: anything about
hubfleet's files, plans or hubs. This package does not import `hubfleet`, and `hubfleet` knows only its command.
"""
