#!/bin/sh
# run-fuzz.sh DIR SECONDS NAME...: these fuzzers below DIR, each over its corpus.
# With 0 seconds the corpus is only replayed; else each runs that long and what it
# finds new stays in DIR, crashes included, for a person to look at.
set -u
dir=$1 seconds=$2
shift 2
passed=0 failed=0

for name in "$@"; do
	bin=$dir/regress/fuzz/${name}_fuzz
	corpus=regress/fuzz/corpus/$name
	log=$dir/$name.log
	new=$dir/corpus/$name
	mkdir -p "$new"
	if [ ! -d "$corpus" ]; then
		printf '  FAIL %s has no corpus in %s\n' "$name" "$corpus"
		failed=$((failed + 1))
		continue
	fi
	if [ "$seconds" -eq 0 ]; then
		set -- -runs=0 "$corpus"
	else
		set -- "-max_total_time=$seconds" "$new" "$corpus"
	fi
	if "$bin" -timeout=10 -artifact_prefix="$dir/$name-" "$@" \
	    >"$log" 2>&1; then
		printf '  ok   %-24s %s\n' "$name" \
		    "$(grep -E '^#.*(INITED|DONE)' "$log" | tail -n 1)"
		passed=$((passed + 1))
	else
		printf '  FAIL %s, see %s\n' "$name" "$log"
		grep -E 'ERROR|SUMMARY|Test unit written' "$log"
		failed=$((failed + 1))
	fi
done
printf 'fuzz: '
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
