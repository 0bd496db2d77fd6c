#!/bin/sh
# Print the Python to use, the one that is named or the first that is new enough for ptybridge;
# say what is missing if there is none.
#
# usage: tools/python.sh [PYTHON]
set -u

[ $# -gt 0 ] || set -- python3 python3.13 python3.12 python3.11 python3.14

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
for python in "$@"; do
    if command -v "$python" >/dev/null 2>&1 && "$python" -c "$new_enough" 2>/dev/null; then
        command -v "$python"
        exit 0
    fi
done
found=$("$1" --version 2>/dev/null || echo "no $1")
echo "ptybridge needs Python 3.11 or newer; there is $found." >&2
echo 'Install one (on Debian and Ubuntu: python3.11 and python3.11-venv),' >&2
echo 'or name it: make PYTHON=/path/to/python run' >&2
exit 1
