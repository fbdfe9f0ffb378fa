"""The OpenStack of the sandbox: real Keystone, Magnum, Glance, Nova, Neutron and Cinder APIs on SQLite.

What belongs here: their installation in a virtual environment of their own, their configuration, databases and
processes, and what the cloud offers (flavors, images, templates). What never will: playing hypervisors or Cluster API.
"""
