"""What docker-py makes of docker's configuration: python docker_py.py SERVER [ENGINE IMAGE]

Prints, as JSON, the credential of SERVER and those of every server; with an engine it pulls IMAGE first.
"""

import json
import sys

import docker
import docker.auth

server, *pull = sys.argv[1:]
if pull:
    engine, image = pull
    docker.DockerClient(base_url=engine).images.pull(image)
config = docker.auth.load_config()
json.dump({"one": config.resolve_authconfig(server), "all": config.get_all_credentials()}, sys.stdout)
