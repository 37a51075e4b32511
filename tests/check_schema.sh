#!/bin/sh
# Does the JSON Schema that editors use judge files as our own reader does?
#
# Fixtures good-* must pass and bad-* must fail it; check_config asserts the same
# of the reader.  Shipped rules and the sample configuration must pass.
set -eu
srcdir=${srcdir:-.}
: "${TRIAGECTL:?the program that prints the schema}"

if ! python3 -c 'import jsonschema, yaml' 2>/dev/null; then
	echo 'skipped: needs python3-jsonschema and python3-yaml'
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$TRIAGECTL" schema config >"$dir/config.json"
"$TRIAGECTL" schema rules >"$dir/rules.json"

python3 -B - "$srcdir" "$dir" <<'PYTHON'
import glob, json, os, re, sys
import jsonschema, yaml

srcdir, schemas = sys.argv[1:]


class Loader(yaml.SafeLoader):
    """YAML 1.2 as editors read it: 'no' and 'on' are text."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("null", r"^(~|null|)$", ["~", "n", ""]),
    ("bool", r"^(true|false)$", ["t", "f"]),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?[0-9]+\.[0-9]+$", list("-+0123456789")),
):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), first)


def validator(name):
    with open(os.path.join(schemas, name + ".json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def judge(which, name, text, good):
    global failed, judged
    judged += 1
    found = [f"{list(e.absolute_path)}: {e.message}" for e in which.iter_errors(yaml.load(text, Loader))]
    if (not found) != good:
        failed = True
        print(f"{name}: should be", "good, but:" if good else "bad, but the schema takes it")
        print("\n".join("  " + line for line in found))


def judge_files(which, pattern, good):
    paths = glob.glob(os.path.join(srcdir, pattern))
    if not paths:
        sys.exit(f"no files {pattern}")
    for path in sorted(paths):
        with open(path, encoding="utf-8") as f:
            judge(which, path, f.read(), good)


failed, judged = False, 0
config, rules = validator("config"), validator("rules")
judge_files(config, "contrib/triaged.yaml", True)
judge_files(config, "tests/fuzz/corpus/config/good-*.yaml", True)
judge_files(config, "tests/fuzz/corpus/config/bad-*.yaml", False)
judge_files(rules, "rules/*.yaml", True)
judge(rules, "an override", "events: [{id: a.b, enabled: false}]", True)
judge(rules, "an empty file", "{}", True)
judge(rules, "a time without unit", "incidents: [{id: a, within: 10}]", False)
judge(rules, "a time with a wrong unit", "incidents: [{id: a, within: 10min}]", False)
judge(rules, "a rule without id", "events: [{title: a}]", False)
judge(rules, "a misspelt key", "events: [{id: a, titel: a}]", False)
judge(rules, "a test without event", "events: [{id: a, tests: [{line: a}]}]", False)
judge(rules, "a word for a mapping", "events: [{id: a, tests: [{line: a, event: none}]}]", True)
judge(rules, "another word", "events: [{id: a, tests: [{line: a, event: all}]}]", False)
judge(rules, "a number as a value", "events: [{id: a, tests: [{line: a, event: {port: 22}}]}]", True)
judge(rules, "steps", "incidents: [{id: a, sequence: [{on: b, where: {c: [1, d]}}, {on: [e]}]}]", True)
judge(rules, "a step with a misspelt key", "incidents: [{id: a, sequence: [{om: b}]}]", False)
judge(rules, "a condition without its number", "incidents: [{id: a, distinct: {field: b}}]", False)
judge(rules, "variables", "variables: {a: b, c: 1}", True)
print(f"{judged} files judged")
sys.exit(failed)
PYTHON
