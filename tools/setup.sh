# Sourced by the scripts beside it: makes .venv and installs throttlewatch into it, once.
# Usage: . tools/setup.sh; setup LOCK PACKAGE...   (LOCK: a file of requirements/, such as run)
# and then, for what the program does without where it cannot be had: extra LOCK WHAT
# Nothing is installed from the package index but the files whose hashes stand there (tools/lock).
# PACKAGE are Debian packages, installed when we are root on a Debian and they are missing.

. tools/locked.sh

say() { printf 'throttlewatch: %s\n' "$*" >&2; }

install_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
            missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" != 0 ]; then
        say "these Debian packages are missing:$missing (install them as root)"
        return 0
    fi
    say "installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null
    # shellcheck disable=SC2086  # a list of names
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

find_python() {
    for python in python3 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
        then
            command -v "$python"
            return 0
        fi
    done
    return 1
}

setup() {
    lock=requirements/$1.txt
    installed=.venv/installed-$1
    shift
    command -v dpkg-query >/dev/null 2>&1 && [ $# -gt 0 ] && install_packages "$@"
    if ! python=$(find_python); then
        command -v dpkg-query >/dev/null 2>&1 && install_packages python3 python3-venv
        python=$(find_python) || {
            say "Python 3.11 or newer with the venv module is needed"
            exit 1
        }
    fi
    wanted=$(cat pyproject.toml "$lock" | cksum)
    if [ ! -x .venv/bin/python ] || [ "$(cat "$installed" 2>/dev/null)" != "$wanted" ]; then
        say "setting up .venv: on a slow line this takes some minutes"
        [ -x .venv/bin/python ] || "$python" -m venv .venv
        pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip --quiet"
        if without_wheels; then
            say "some libraries are compiled for this processor, which takes a while"
            # shellcheck disable=SC2046  # a list of names
            command -v dpkg-query >/dev/null 2>&1 && install_packages $(compilers)
            # shellcheck disable=SC2086  # a command with its options
            locked "$lock" $pip
        else
            $pip install --require-hashes --requirement "$lock"
        fi
        # What builds it is in the lock, too, so that nothing else is fetched for that.
        $pip install --no-deps --no-build-isolation --editable .
        printf '%s' "$wanted" >"$installed"
    fi
}

# It is tried once for each state of the lock, so that no later start waits for it.
extra() {
    lock=requirements/$1.txt
    installed=.venv/installed-$1
    wanted=$(cat pyproject.toml "$lock" | cksum)
    [ "$(cat "$installed" 2>/dev/null)" != "$wanted" ] || return 0
    pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip --quiet"
    if without_wheels ||
        ! $pip install --require-hashes --only-binary :all: --requirement "$lock" >/dev/null 2>&1
    then
        say "without $2, whose libraries cannot be installed here (rm $installed: try again)"
    fi
    printf '%s' "$wanted" >"$installed"
}
