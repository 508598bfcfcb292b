"""Makes a chart, pushes it and pulls it back, by helm's Go library: helm.py REGISTRY DIRECTORY"""

import sys

from helm_python import chart, registry

where, directory = sys.argv[1:]
chart.Chart.create("private", directory)
archive = chart.package(f"{directory}/private", destination=directory)
registry.push(archive, f"oci://{where}/team")
registry.pull(f"oci://{where}/team/private", version="0.1.0", destination=directory)
