#!/bin/sh
# The service as an operator meets it: installed into a Debian tree, booted by
# real systemd in a container.  What is done and expected in there is in
# nspawn_inside.sh.
#
# builddir names a configured build with the default places (/etc, /var, /run).
set -eu
srcdir=$(cd "${srcdir:-.}" && pwd)
builddir=$(cd "${builddir:-.}" && pwd)
# shellcheck source=tests/scenarios/debian_tree.sh
. "$srcdir/tests/scenarios/debian_tree.sh"

packages=systemd,systemd-sysv,redis-server,python3,libevent-core-2.1-7,libpcre2-8-0
packages=$packages,libhiredis0.14,libcurl4,libyaml-0-2,libjansson4,libssl3,libsystemd0,libmaxminddb0

# --- second part: in a mount namespace of our own

# A /run that systemd-nspawn may fill, and a control group that the container's
# systemd cannot leave.  The host has none of it afterwards.  The container has a
# network of its own, so that its port 514 is nobody else's.
in_namespace() {
	[ -d /sys/fs ] || mount -t sysfs sysfs /sys || return 1
	mount -t tmpfs tmpfs /run || return 1
	mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null ||
	    [ -e /sys/fs/cgroup/cgroup.procs ] || return 1
	group=/sys/fs/cgroup/triaged-test.$$
	mkdir "$group" || return 1
	trap 'echo $$ >/sys/fs/cgroup/cgroup.procs; find "$group" -depth -type d -exec rmdir {} +' EXIT
	echo $$ >"$group/cgroup.procs"
}

contain() {
	env -u NOTIFY_SOCKET SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout -k 10 "$1" systemd-nspawn --quiet \
	    --directory="$tree" --machine=triaged-test --register=no --keep-unit \
	    --private-network --timezone=off --resolv-conf=off --link-journal=no "$2" "$3" </dev/null
}

if [ "${1-}" = --in-namespace ]; then
	tree=$2/tree
	in_namespace || skip 'no mounts and control groups of our own here'
	contain 30 --as-pid2 /bin/true || skip 'systemd-nspawn cannot run here'
	status=0
	contain 240 --console=read-only --boot >"$2/console.log" 2>&1 || status=$?
	exit $status
fi

# --- first part: the tree

need_root_and debootstrap systemd-nspawn systemd-analyze unshare openssl
unshare --mount true || skip 'no mount namespace of our own here (inside a chroot?)'

work=$(mktemp -d "${TMPDIR:-/tmp}/triaged-nspawn.XXXXXX")
tree=$work/tree
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

unit=$builddir/contrib/systemd/triaged.service
systemd-analyze security --offline=true --no-pager --threshold=20 "$unit" >"$work/security" ||
	{ cat "$work/security"; exit 1; }
tail -n 1 "$work/security"
echo

debian_tree "$tree" "$packages"
make -s -C "$builddir" install DESTDIR="$tree" >"$work/install" || { cat "$work/install"; exit 1; }
# The private Redis is the daemon's; Debian's service stays off.
ln -sf /dev/null "$tree/etc/systemd/system/redis-server.service"
install -D -m 755 "$srcdir/contrib/receiver" "$tree/test/receiver"
install -m 755 "$srcdir/tests/scenarios/nspawn_inside.sh" "$tree/test/inside.sh"
install -m 644 "$srcdir/contrib/systemd/no-jit.conf" "$srcdir/contrib/systemd/listen.conf" \
    "$tree/test/"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 \
    -keyout "$tree/test/tls.key" -out "$tree/test/tls.crt" 2>"$work/openssl" ||
	{ cat "$work/openssl"; exit 1; }
cat >"$tree/etc/systemd/system/triaged-test.service" <<'END'
[Unit]
Description=Test of triaged.service
SuccessAction=exit
FailureAction=exit
[Service]
Type=exec
ExecStart=/bin/sh /test/inside.sh
StandardOutput=append:/test/log
StandardError=append:/test/log
[Install]
WantedBy=multi-user.target
END
ln -s ../triaged-test.service "$tree/etc/systemd/system/multi-user.target.wants/"

status=0
unshare --mount --propagation private "$0" --in-namespace "$work" || status=$?
if [ $status -eq 77 ]; then
	exit 77
fi
[ ! -e "$tree/test/log" ] || cat "$tree/test/log"
if [ ! -e "$tree/test/passed" ]; then
	echo "--- not passed, status $status; console:"
	tail -n 50 "$work/console.log"
	echo '--- journal of triaged:'
	journalctl --no-pager -q -D "$tree/var/log/journal" -u triaged.service | tail -n 100
	exit 1
fi
