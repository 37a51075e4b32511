#!/bin/sh
# What the README promises: on a fresh minimal Debian with only git added,
# contrib/quickstart run builds, raises an incident, delivers its webhook, ends
# with status 0 and leaves nothing running.
set -eu
srcdir=$(cd "${srcdir:-.}" && pwd)
# shellcheck source=tests/scenarios/debian_tree.sh
. "$srcdir/tests/scenarios/debian_tree.sh"

need_root_and debootstrap unshare chroot
unshare --mount --pid --fork true || skip 'no namespaces of our own here (inside a chroot?)'

work=$(mktemp -d "${TMPDIR:-/tmp}/triaged-quickstart.XXXXXX")
tree=$work/tree
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# As a clean clone would have them: no outcome of an earlier build.
copy_sources() {
	mkdir "$tree/triaged"
	cd "$srcdir"
	if git -c safe.directory='*' rev-parse >/dev/null 2>&1; then
		git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
			tar -cf - --ignore-failed-read --null -T -
	else
		tar -cf - --exclude=./build .
	fi | tar -xf - -C "$tree/triaged"
}

debian_tree "$tree" git
copy_sources

# Packages are kept from run to run; processes end with the namespace.
mkdir -p "$cache/apt/partial"
status=0
unshare --mount --pid --fork --kill-child --propagation private sh -c '
	mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" &&
	    mount --bind "$2" "$1/var/cache/apt/archives" || exit 77
	chroot "$1" sh -c "cd triaged && contrib/quickstart run" </dev/null || exit 1
	for comm in "$1"/proc/[0-9]*/comm; do
		! grep -qE "redis|triaged|receiver|tail" "$comm" || { echo "still there:"; cat "$comm"; exit 1; }
	done
	[ ! -e "$1/usr/sbin/policy-rc.d" ] || { echo "policy-rc.d is still there"; exit 1; }
	[ -z "$(ls -A "$1/tmp")" ] || { echo "left in /tmp:"; ls "$1/tmp"; exit 1; }
' sh "$tree" "$cache/apt" >"$work/said" 2>&1 || status=$?
cat "$work/said"
[ $status -ne 77 ] || skip 'no mounts of our own here'
[ $status -eq 0 ] && grep -q '^webhook-id .*signature right' "$work/said"
