# For the tests that need a Debian of their own: source it, then
#
#   debian_tree TO PACKAGES    a fresh minimal Debian with PACKAGES (a,b,c) in TO
#
# Trees are made once and kept in TRIAGED_TEST_CACHE, by default
# /var/cache/triaged-test.
# shellcheck shell=sh

skip() {
	echo "skipped: $*"
	exit 77
}

debian_tree() {
	cache=${TRIAGED_TEST_CACHE:-/var/cache/triaged-test}
	mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$(dirname "$1")
	kept=$cache/bookworm-$(echo "$2" | cksum | cut -d ' ' -f 1)
	if [ ! -d "$kept" ]; then
		rm -rf "$kept.new"
		mkdir -p "$cache/debs"
		debootstrap --variant=minbase --include="$2" --cache-dir="$cache/debs" \
		    bookworm "$kept.new" "${TRIAGED_TEST_MIRROR:-http://deb.debian.org/debian}" ||
			skip 'debootstrap cannot make a Debian tree here'
		mv "$kept.new" "$kept"
	fi
	cp -a "$kept" "$1"
}

# need_root_and TOOL...: the test is skipped without.
need_root_and() {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	for tool; do
		command -v "$tool" >/dev/null || skip "needs $tool"
	done
}
