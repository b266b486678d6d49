#!/bin/sh
# Run test programs one after the other: a line for each, the output of those
# that failed, a summary. RUNNER goes before each program (valgrind).
set -u
passed=0 failed=0 cases=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

for bin do
	# shellcheck disable=SC2086
	if timeout "${UNIT_TIMEOUT:-120}" ${RUNNER-} "$bin" >"$out" 2>&1; then
		n=$(sed -n 's/.*PASSED.* \([0-9]*\) test(s).*/\1/p' "$out" |
		    awk '{ n += $1 } END { print n + 0 }')
		printf '  ok   %-40s %4d cases\n' "${bin##*/regress/}" "$n"
		cases=$((cases + n)) passed=$((passed + 1))
	else
		printf '  FAIL %s (status %d)\n' "${bin##*/regress/}" $?
		sed 's/^/       /' "$out"
		failed=$((failed + 1))
	fi
done
printf 'unit: %d programs, %d cases\n' $((passed + failed)) "$cases"
printf '%d passed, %d failed\n' "$passed" "$failed"
if [ $((passed + failed)) -eq 0 ]; then
	echo 'unit: no test program was run' >&2
	exit 1
fi
[ "$failed" -eq 0 ]
