"""hubfleet: JupyterHubs and BinderHubs for research communities, one file a cluster, the same on every cloud."""
