#!/bin/sh
# Does the daemon use functions that are never right in it?  Comments and strings
# do not count.
set -eu
cd "${srcdir:-.}"

find daemon -name '*.[ch]' | LC_ALL=C sort | xargs awk '
function ban(names, why,    word, n, i) {
	n = split(names, word, " ")
	for (i = 1; i <= n; i++)
		banned[word[i]] = why
}
BEGIN {
	ban("strcpy strcat stpcpy sprintf vsprintf gets", "has no bound: use buf_* or snprintf")
	ban("strtok", "keeps hidden state: use sv_*")
	ban("atoi atol atoll atof", "cannot report an error: use num_int")
	ban("localtime gmtime ctime asctime", "returns shared storage: use the _r form or clock_format")
	ban("rand srand random drand48", "can be guessed: use digest_random")
	ban("tmpnam tempnam mktemp", "races: use mkstemp or mkdtemp")
	ban("system popen", "runs a shell: use posix_spawn or exec")
	ban("alloca", "has no bound: use xmalloc")
}
FNR == 1 {
	comment = 0
}
{
	code = strip($0)
	while (match(code, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
		name = substr(code, RSTART, RLENGTH - 1)
		sub(/[ \t]+$/, "", name)
		if (name in banned) {
			printf "%s:%d: %s() %s\n", FILENAME, FNR, name, banned[name]
			bad = 1
		}
		code = substr(code, RSTART + RLENGTH)
	}
}
# The line without comments, strings and character constants.
function strip(s,    out, c, quote, i) {
	out = ""
	quote = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (comment) {
			if (substr(s, i, 2) == "*/") {
				comment = 0
				i++
			}
		} else if (quote != "") {
			if (c == "\\")
				i++
			else if (c == quote)
				quote = ""
		} else if (substr(s, i, 2) == "/*") {
			comment = 1
			i++
		} else if (substr(s, i, 2) == "//") {
			break
		} else if (c == "\"" || c == "\047") {
			quote = c
		} else {
			out = out c
		}
	}
	return out
}
END {
	exit bad
}'
