"""Configuration: one YAML file and a folder of platform files, checked before a packet leaves."""
