#!/bin/sh
# Make ./configure.  Needs autoconf, automake and pkg-config.
set -e
cd "$(dirname "$0")"

missing=
for pair in autoreconf:autoconf aclocal:automake pkg-config:pkg-config; do
	command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
	echo "autogen.sh: needed to make ./configure: apt-get install$missing" >&2
	exit 1
fi
exec autoreconf --install --force "$@"
