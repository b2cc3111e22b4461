"""The service as it is deployed: provisioning, checking, backup. Read `provision.py` first."""
