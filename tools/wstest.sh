#!/bin/sh
# Print the Python 2.7 that can run Autobahn|Testsuite, whose package knows no newer Python, after
# installing the package into DIRECTORY; say what is missing if that cannot be.
#
# usage: tools/wstest.sh DIRECTORY
set -u

directory=$1
is_it='import sys; sys.exit(sys.version_info[:2] != (2, 7))'

for python in python2.7 "$HOME"/.pyenv/versions/2.7.*/bin/python2.7 pypy; do
    command -v "$python" >/dev/null 2>&1 && "$python" -c "$is_it" 2>/dev/null || continue
    if [ ! -e "$directory/autobahntestsuite" ]; then
        if ! "$python" -m pip --version >/dev/null 2>&1; then
            echo "$python is at hand, but has no pip" >&2
            exit 1
        fi
        rm -rf "$directory"
        if ! "$python" -m pip install --quiet --target "$directory" autobahntestsuite >&2; then
            echo "autobahntestsuite could not be installed for $python" >&2
            exit 1
        fi
    fi
    echo "$python"
    exit 0
done
echo 'no Python 2.7 is at hand' >&2
exit 1
