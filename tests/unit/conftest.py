"""Property tests may take their time on a busy machine: no test of ours is about time."""

from hypothesis import HealthCheck, settings

settings.register_profile("hubfleet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hubfleet")
