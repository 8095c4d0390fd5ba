# Sourced by the scripts that install: what a file of requirements/ names, by hash.
# Usage: . tools/locked.sh; locked FILE PIP...   (PIP: how pip is called, up to its command)
#
# For 32-bit ARM some libraries have no wheels. There they are compiled from the archives of the same
# lock, by what requirements/compile.txt names and by Debian's packages that `compilers` lists.

without_wheels() {
    case "$(dpkg --print-architecture 2>/dev/null || uname -m)" in
    arm | armel | armhf | armv6l | armv7l) true ;;
    *) false ;;
    esac
}

compilers() {
    without_wheels || return 0
    echo gcc libc6-dev python3-dev libffi-dev cmake make
}

locked() {
    file=$1
    shift
    if without_wheels; then
        "$@" install --require-hashes --only-binary :all: -r requirements/compile.txt
        # pycares is made with it.
        cffi=$(mktemp)
        awk '/^[^ #]/ { mine = /^(cffi|pycparser)==/ } mine' "$file" >"$cffi"
        "$@" install --require-hashes --no-build-isolation -r "$cffi"
        rm "$cffi"
        "$@" install --require-hashes --no-build-isolation --only-binary :all: \
            --no-binary cffi,msgspec,pycares -r "$file"
    else
        "$@" install --require-hashes --only-binary :all: -r "$file"
    fi
}
