"""Nodes: what a virtual machine of Jetstream2 would be, on one machine; with their storage and addresses.

A node is one process tree in network, mount, PID and host name namespaces of its own, with a real containerd, kubelet
and kube-proxy. When its first process ends, the kernel ends all others and takes away mounts and interfaces; so
nothing is left behind however it ended. What belongs here: such nodes, volumes, load balancers' addresses. What never
will: which nodes there should be (`machine_room`).
"""
