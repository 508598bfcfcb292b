"""Reads a manifest as oras-py does: oras_py.py IMAGE"""

import json
import sys
import time

import oras.client

# It retries after a refusal, for two minutes.
time.sleep = lambda seconds: None

print(json.dumps(oras.client.OrasClient(auth_backend="basic").get_manifest(sys.argv[1])))
