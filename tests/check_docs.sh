#!/bin/sh
# Do the documents say what the programs do?
#
#  - the references in triaged.yaml(5) and triaged-rules(5), between the lines
#    BEGIN GENERATED and END GENERATED, are what "triagectl schema" prints, and so
#    are the schemas in contrib/schema
#  - every command and global option of triagectl stands in triagectl(1), every
#    option of triaged in triaged(8), every field in triaged-rules(5)
#  - a file that a document links to is there
#  - no document names a path of the machine it was written on
#  - mandoc finds nothing to say about the manual pages
#
# "check_docs.sh update" writes the generated parts anew.
set -eu
cd "${srcdir:-.}"
: "${TRIAGECTL:?the program that prints the schema}"

documents='README.md DESIGN.md INTERFACES.md CONTRIBUTING.md NEWS'
manuals='man/triaged.8 man/triagectl.1 man/triaged.yaml.5 man/triaged-rules.5'
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

complain() {
	echo "$*"
	bad=1
}

# generate ARGUMENT...: what "triagectl schema" prints, with the directories of a
# package in place of those that this build was configured with.
generate() {
	"$TRIAGECTL" schema "$@" | sed \
	    -e 's|/[^] ,"]*/triaged/rules\.d|/etc/triaged/rules.d|g' \
	    -e 's|/[^] ,"]*/triaged/rules\([],"]\)|/usr/share/triaged/rules\1|g' \
	    -e 's|/[^] ,"]*/lib/triaged|/var/lib/triaged|g' \
	    -e 's|/[^] ,"]*/triaged/control\.sock|/run/triaged/control.sock|g'
}

# fill PAGE GENERATED: the page with the generated text in its place.
fill() {
	awk -v generated="$2" '
	/^\.\\" END GENERATED/ { skip = 0 }
	!skip { print }
	/^\.\\" BEGIN GENERATED/ {
		skip = 1
		while ((getline line < generated) > 0)
			print line
	}' "$1"
}

# same FILE WANTED: compare, or with update replace.
same() {
	if [ "$mode" = update ]; then
		cp "$2" "$1"
	elif ! diff -u "$1" "$2" >"$tmp/diff" 2>&1; then
		head -n 40 "$tmp/diff"
		complain "$1 is out of date: tests/check_docs.sh update"
	fi
}

check_generated() {
	for pair in config:triaged.yaml rules:triaged-rules; do
		kind=${pair%%:*}
		page=man/${pair#*:}.5
		generate "$kind" --mdoc >"$tmp/mdoc"
		grep -q '^\.\\" BEGIN GENERATED' "$page" || complain "$page has no generated part"
		fill "$page" "$tmp/mdoc" >"$tmp/page"
		same "$page" "$tmp/page"
	done
	generate config >"$tmp/schema"
	same contrib/schema/triaged.schema.json "$tmp/schema"
	generate rules >"$tmp/schema"
	same contrib/schema/rules.schema.json "$tmp/schema"
}

# each PAGE WHAT: every name on standard input, one a line, is an item of the page.
each() {
	cat >"$tmp/names"
	[ -s "$tmp/names" ] || complain "no $2 found in the source: has it changed its form?"
	while read -r name; do
		grep -q "^\.It [CF][ml] $name\( \|\$\)" "$1" || complain "$1: nothing about the $2 $name"
	done <"$tmp/names"
}

check_names() {
	sed -n '/cli_command commands\[\]/,/^};/s/^[[:space:]]*{"\([a-z]*\)".*/\1/p' \
	    daemon/cli/main.c >"$tmp/found"
	each man/triagectl.1 command <"$tmp/found"
	sed -n 's/.*{"-\([a-z]\)", "--[a-z]*"}.*/\1/p' daemon/cli/main.c >"$tmp/found"
	each man/triagectl.1 option <"$tmp/found"
	sed -n "s/^[[:space:]]*case '\([a-z]\)':$/\1/p" daemon/main.c >"$tmp/found"
	each man/triaged.8 option <"$tmp/found"
	sed -n 's/^[[:space:]]*{"\([a-z_]*\)", "\([a-z._]*\)", FIELD_\([A-Z]*\)},$/\1 \2 \3/p' \
	    daemon/rule/rule_fields.c | tr '[:upper:]' '[:lower:]' | sort >"$tmp/fields"
	sed -n 's/^\.It Li \([a-z_]*\) Ta \([a-z._]*\) Ta \([a-z]*\)$/\1 \2 \3/p' \
	    man/triaged-rules.5 | sort >"$tmp/documented"
	diff "$tmp/documented" "$tmp/fields" ||
	    complain 'man/triaged-rules.5: the table of fields is not that of daemon/rule/rule_fields.c'
}

# The rule files in triaged-rules(5), those that have events of their own: they load, and
# their tests pass.
check_examples() {
	mkdir "$tmp/examples"
	awk -v dir="$tmp/examples" '
	/^\.Ed/ {
		if (text ~ /(^|\n)events:/) {
			printf "%s", text >(dir "/" ++n ".yaml")
			close(dir "/" n ".yaml")
		}
		text = ""
		inside = 0
	}
	inside { gsub(/\\e/, "\\"); text = text $0 "\n" }
	/^\.Bd -literal$/ { inside = 1 }' man/triaged-rules.5
	echo 203.0.113.77 >"$tmp/examples/office.txt"
	for file in "$tmp"/examples/*.yaml; do
		"$TRIAGECTL" rules test "$file" >"$tmp/tested" 2>&1 ||
		    complain "man/triaged-rules.5: $(cat "$tmp/tested")"
	done
	[ "$(ls "$tmp/examples" | wc -l)" -gt 3 ] || complain 'triaged-rules(5): where are the examples?'
}

# Links of the form [text](path#part) and [text](path).
check_links() {
	for document in $documents; do
		[ -f "$document" ] || { complain "$document is missing"; continue; }
		grep -o '](\([^)]*\))' "$document" | sed 's/^](//; s/)$//; s/#.*//' |
		    while read -r path; do
			case $path in
			'' | http://* | https://*) ;;
			*) [ -e "$path" ] || echo "$document: $path is not there" ;;
			esac
		done
	done >"$tmp/links"
	[ ! -s "$tmp/links" ] || complain "$(cat "$tmp/links")"
	cmp -s README README.md || complain 'README is not README.md'
}

# /tmp/tour is where the tour of the README takes place, on any machine.
check_paths() {
	for document in $documents $manuals; do
		sed 's|/tmp/tour||g' "$document" |
		    grep -nE '(^|[^[:alnum:]._-])/(work|root|home|builds?|tmp)/' |
		    sed "s|^|$document:|"
	done >"$tmp/paths"
	[ ! -s "$tmp/paths" ] || complain "$(cat "$tmp/paths")"
}

check_manuals() {
	if ! command -v mandoc >/dev/null; then
		echo 'mandoc is not installed: the form of the manual pages was not checked'
		return
	fi
	# Whether the pages referred to are installed here says nothing about these.
	# shellcheck disable=SC2086 # a list
	mandoc -T lint -W style $manuals 2>&1 |
	    grep -v 'referenced manual not found\|mandoc\.db' >"$tmp/lint" || :
	[ ! -s "$tmp/lint" ] || complain "$(cat "$tmp/lint")"
}

mode=${1:-check}
check_generated
check_examples
check_names
check_links
check_paths
check_manuals
exit $bad
