"""The clouds that come with hubfleet, each found by its entry point. None knows another, and nobody imports one."""
