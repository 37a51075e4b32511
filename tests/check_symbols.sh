#!/bin/sh
# Does each file export only names that tell where they are from?
#
# foo.c and foo_bar.c export foo_*; a file of folder baz may also export baz_*.
# What else a file may export stands in the table.  Needs the library built; run
# from the build folder.  No .c declares something extern.
set -eu
daemon=${srcdir:-.}/daemon

if find "$daemon" -name '*.c' -exec grep -n '^[[:space:]]*extern[[:space:]]' {} + | grep .; then
	echo 'extern belongs into a header'
	exit 1
fi
if [ ! -f libtriaged.a ]; then
	echo 'libtriaged.a not found: run this from the build folder, after make'
	exit 1
fi

{
	find "$daemon" -name '*.c' | sed "s|^$daemon/|file |"
	nm -A -g --defined-only libtriaged.a | sed 's/^libtriaged\.a:/symbol /; s/\.o:/ /'
} | awk '
function may(file_or_folder, prefixes) {
	also[file_or_folder] = prefixes
}
BEGIN {
	may(".", "daemon_")
	may("correlate", "correlator_")
	may("decode", "decoder_ record_")
	may("match", "matcher_")
	may("scan", "scanner_")
	may("util/xalloc.c", "x")
	may("correlate/correlate_index.c", "group_index_")
	may("correlate/correlate_window.c", "window_")
	may("rule/rule_filter.c", "incident_rule_")
	may("rule/rule_live.c", "ruleset_")
}
$1 == "file" {
	base = $2
	sub(/^.*\//, "", base)
	sub(/\.c$/, "", base)
	path[base] = path[base] == "" ? $2 : path[base] " " $2
	next
}
# The instrumentation of compilers puts names of its own into objects.
$NF ~ /^(__odr_asan|__sanc|__asan|__ubsan|__llvm|__start|__stop)/ {
	next
}
$1 == "symbol" {
	if (path[$2] == "" || path[$2] ~ / /) {
		printf "%s.o: which file of daemon is this?  names of files must be unique\n", $2
		bad = 1
		next
	}
	file = path[$2]
	folder = file
	if (!sub(/\/.*/, "", folder))
		folder = "."
	first = $2
	sub(/_.*/, "", first)
	n = split($2 "_ " first "_ " folder "_ " also[folder] " " also[file], prefix, " ")
	for (i = 1; i <= n; i++)
		if (index($NF, prefix[i]) == 1)
			next
	printf "daemon/%s: exports %s, which does not begin with %s_\n", file, $NF, $2
	bad = 1
}
END {
	exit bad
}'
