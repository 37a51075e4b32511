#!/bin/sh
# Does the scanner find on 64-bit ARM what it finds elsewhere?
#
# Compiles tests/check_multi.c for it and runs it: the filters in NEON beside the portable
# ones.  Skipped on a machine that can do neither.  On Debian:
#   dpkg --add-architecture arm64 && apt-get update
#   apt-get install gcc-aarch64-linux-gnu qemu-user check:arm64
set -eu
cd "${srcdir:-.}"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if ! command -v qemu-aarch64 >/dev/null ||
    ! echo 'int main(void) { return 0; }' | aarch64-linux-gnu-gcc -static -x c -o "$dir/probe" - \
	-lcheck -lsubunit 2>/dev/null; then
	echo 'no compiler, Check or emulator for 64-bit ARM'
	exit 77
fi
aarch64-linux-gnu-gcc -std=c11 -D_GNU_SOURCE -Idaemon -O2 -Wall -Wextra -Wconversion -Werror -static \
    -o "$dir/check_multi" tests/check_multi.c daemon/scan/multi*.c \
    daemon/util/buf.c daemon/util/sv.c daemon/util/xalloc.c -lcheck -lsubunit -lm
qemu-aarch64 "$dir/check_multi"
