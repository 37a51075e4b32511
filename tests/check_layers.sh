#!/bin/sh
# Do the folders of daemon/ include only what daemon/LAYERS allows?
#
#  - "folder/file.h" only along an edge of the table, and the file exists
#  - a library's header only where the table names the library
#  - *_internal.h only inside its own folder
#  - no cycle among the edges in use
#  - a .c includes its own header first
set -eu
cd "${srcdir:-.}/daemon"

find . -name '*.[ch]' | LC_ALL=C sort | xargs awk '
# Which library a system header belongs to: by folder or by name.
BEGIN {
	n = split("event2 openssl hiredis curl systemd", known, " ")
	for (i = 1; i <= n; i++)
		library[known[i]] = known[i]
	library["yaml.h"] = "yaml"
	library["zlib.h"] = "zlib"
	library["zstd.h"] = "zstd"
	library["maxminddb.h"] = "maxminddb"
	library["jansson.h"] = "jansson"
	library["pcre2.h"] = "pcre2"
	library["pthread.h"] = "pthread"
	library["immintrin.h"] = library["nmmintrin.h"] = library["arm_neon.h"] = library["arm_acle.h"] = "simd"
	n = split("assert ctype dirent endian errno fcntl fnmatch getopt glob grp inttypes libgen " \
	    "limits locale math poll pwd search signal spawn stdarg stdbool stddef stdint stdio " \
	    "stdlib string strings termios time unistd wchar", known, " ")
	for (i = 1; i <= n; i++)
		plain[known[i] ".h"] = 1
	n = split("arpa linux net netinet sys", known, " ")
	for (i = 1; i <= n; i++)
		plain[known[i]] = 1
	while ((getline row < "LAYERS") > 0)
		read_row(row)
	if (!("util" in rows))
		complain("LAYERS", 0, "no row for util: is this the table?")
}
function complain_at(place, text) {
	printf "daemon/%s: %s\n", place, text
	bad = 1
}
function complain(file, line, text) {
	printf "daemon/%s:%d: %s\n", file, line, text
	bad = 1
}
function read_row(row,    halves, words, n, i, folder) {
	sub(/#.*/, "", row)
	if (row !~ /:/)
		return
	folder = row
	sub(/:.*/, "", folder)
	sub(/^[^:]*:/, "", row)
	rows[folder] = 1
	split(row, halves, "|")
	n = split(halves[1], words, " ")
	for (i = 1; i <= n; i++)
		allowed[folder, words[i]] = 1
	n = split(halves[2], words, " ")
	for (i = 1; i <= n; i++)
		linked[folder, words[i]] = 1
	allowed[folder, folder] = 1
}
function folder_of(path) {
	return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "."
}
function ours(header, to) {
	to = folder_of(header)
	if (!(to in rows))
		complain(path, FNR, "\"" header "\": write it as \"folder/file.h\"; " to " is no folder of LAYERS")
	else if (!((from, to) in allowed))
		complain(path, FNR, from " may not include " to " (" header "): see LAYERS")
	else if (header ~ /_internal\.h$/ && to != from)
		complain(path, FNR, header " is private to " to)
	if (from != to)
		edge[from, to] = path ":" FNR
	included[path, header] = 1
	if (!(path in first))
		first[path] = header
}
function system_header(header, key) {
	key = header ~ /\// ? folder_of(header) : header
	if (key in plain)
		return
	if (!(key in library))
		complain(path, FNR, "<" header ">: not in the table of this check; which library is it?")
	else if (!((from, library[key]) in linked))
		complain(path, FNR, from " may not use " library[key] " (<" header ">): see LAYERS")
	if (!(path in first))
		first[path] = "<" header ">"
}
FNR == 1 {
	path = substr(FILENAME, 3)
	from = folder_of(path)
	files[path] = 1
	if (!(from in rows))
		complain(path, 1, "folder " from " has no row in LAYERS")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	ours(part[2])
}
/^[ \t]*#[ \t]*include[ \t]*</ {
	split($0, part, /[<>]/)
	system_header(part[2])
}
# A folder that can reach itself is in a cycle.
function reach(start, at,    pair, ends) {
	for (pair in edge) {
		split(pair, ends, SUBSEP)
		if (ends[1] != at || (start, ends[2]) in seen)
			continue
		seen[start, ends[2]] = 1
		if (ends[2] == start)
			complain_at(edge[pair], "closes a cycle: " start " includes " at " includes " start)
		reach(start, ends[2])
	}
}
END {
	for (path in files) {
		own = path
		if (sub(/\.c$/, ".h", own) && own in files && first[path] != own)
			complain(path, 1, "its own header comes first, not " first[path])
	}
	for (folder in rows)
		reach(folder, folder)
	exit bad
}'
