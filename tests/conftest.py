"""What all tests share: generated examples are never judged by the clock, since machines differ."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("spanledger", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("spanledger")
