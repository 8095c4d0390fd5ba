"""Configuration: one YAML file and a folder of platform files, checked before a packet leaves."""

from probe.config.advice import warnings
from probe.config.amount import Estimate, estimate
from probe.config.contact import Contact, contacts
from probe.config.errors import ConfigError, ConfigErrors, redact
from probe.config.loading import load

__all__ = [
    "ConfigError",
    "ConfigErrors",
    "Contact",
    "Estimate",
    "contacts",
    "estimate",
    "load",
    "redact",
    "warnings",
]
