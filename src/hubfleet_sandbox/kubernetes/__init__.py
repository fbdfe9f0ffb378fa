"""Real Kubernetes without machines: its programs, certificates, control planes and the management cluster.

What belongs here: building the programs from source, making certificates and kubeconfigs, starting a control plane as
processes of this machine, the management cluster with Cluster API's kinds, and the repository of the driver's chart.
What never will: deciding which clusters and nodes there should be (`machine_room`), or what a node is (`nodes`).
"""
