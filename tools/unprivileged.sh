# Sourced by tools/run: carries a program out as a user without privileges, where that can be done.
# Usage: unprivileged USER PROGRAM [ARGUMENT]...   Returns, with the reason said, where it cannot.
#
# What the daemon writes, and the commands that measure beside it, must be one user's; so this user
# has the folder of the history, also what an earlier run of root has left in it.

unprivileged() {
    user=$1
    program=$2
    shift
    state=${STATE_DIRECTORY:-/var/lib/throttlewatch}
    if ! command -v setpriv >/dev/null 2>&1; then
        say "running as root: there is no setpriv (Debian's package util-linux)"
    elif ! id "$user" >/dev/null 2>&1 && ! useradd --system --user-group --no-create-home \
        --home-dir /nonexistent --shell /usr/sbin/nologin "$user" >/dev/null 2>&1; then
        say "running as root: there is no user $user, and none could be made"
    elif ! as_user "$user" test -x "$program"; then
        say "running as root: the user $user may not read $home; move it, to /opt for instance"
    elif ! as_user "$user" test -x "$(readlink -f "$(dirname "$program")/python")"; then
        # It begins all the same, as root opens it; then nothing more can be loaded or started.
        say "running as root: the user $user may not read the Python that .venv is made of"
    elif ! mkdir -p "$state" || ! chown -R -h "$user:" "$state" || ! chmod 0700 "$state"; then
        say "running as root: $state cannot be given to the user $user"
    else
        say "running as the user $user (KEEP_ROOT=1: as root)"
        export STATE_DIRECTORY="$state" HOME=/nonexistent USER="$user" LOGNAME="$user"
        exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups \
            --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
    fi
}

as_user() {
    setpriv --reuid="$1" --regid="$(id -g "$1")" --clear-groups -- "$2" "$3" "$4" 2>/dev/null
}
