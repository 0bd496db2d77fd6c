#!/bin/sh
# Install what ptybridge needs of the system and does not find, with apt where that is allowed;
# say exactly what to install where it is not.
#
# usage: tools/system.sh run          Python with venv
#        tools/system.sh check        and Node.js with npm
#        tools/system.sh test         and a browser, and the programs that the tests drive
set -eu

purpose=${1:-run}
here=$(dirname "$0")
packages=

need() { # PACKAGE COMMAND...: the package, unless one of the commands is there
    package=$1
    shift
    for command in "$@"; do
        command -v "$command" >/dev/null 2>&1 && return
    done
    packages="$packages $package"
}

if python=$("$here/python.sh" ${PYTHON:+"$PYTHON"} 2>/dev/null); then
    # Debian splits these off: venv makes no environment without ensurepip.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        packages="$packages python$version-venv"
    fi
else
    packages="$packages python3 python3-venv"
fi
case $purpose in check | test)
    need nodejs node nodejs
    need npm npm
    ;;
esac
case $purpose in test)
    need chromium chromium chromium-browser google-chrome
    for program in vim htop less tmux; do
        need "$program" "$program"
    done
    need bubblewrap bwrap
    ;;
esac

if [ -n "$packages" ]; then
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        as_root=no
    fi
    if [ "$as_root" = no ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "To $purpose, ptybridge needs these packages of the system:$packages" >&2
        echo "On Debian and Ubuntu: sudo apt-get install$packages" >&2
        exit 1
    fi
    echo "Installing:$packages"
    # shellcheck disable=SC2086 # words are meant to be split
    install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
        --no-install-recommends $packages >/dev/null; }
    # The lists of packages may be missing or old.
    install 2>/dev/null || { $as_root apt-get update -qq && install; }
fi
"$here/python.sh" ${PYTHON:+"$PYTHON"} >/dev/null
