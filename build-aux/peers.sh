#!/bin/sh
# Unpack the real peers of the tests, and those of their libraries that the host
# lacks, from Debian's packages below build/peers. Nothing is installed, nothing
# is setuid. Quick when done: the stamp holds this script's checksum.
#
#	build/peers/root	what the packages contain
#	build/peers/debs	the packages, kept
#	build/peers/env		for a shell: PEERS_ROOT, PEERS_LIBS, and peers_run
#				to run a program with these libraries
#	build/peers/postfix.cf	the head of a main.cf for a Postfix that runs
#				from there, with accounts that Debian always has
set -eu

packages='postfix nsd unbound'
programs='usr/sbin/nsd usr/sbin/nsd-control usr/sbin/unbound
    usr/sbin/unbound-checkconf usr/sbin/postconf usr/sbin/postqueue
    usr/sbin/postsuper usr/sbin/sendmail usr/lib/postfix/sbin/master
    usr/lib/postfix/sbin/smtpd usr/lib/postfix/sbin/smtp
    usr/lib/postfix/sbin/cleanup usr/lib/postfix/sbin/qmgr
    usr/lib/postfix/sbin/bounce usr/lib/postfix/sbin/trivial-rewrite
    usr/lib/postfix/sbin/virtual usr/lib/postfix/sbin/local
    usr/lib/postfix/sbin/pipe usr/lib/postfix/sbin/proxymap'

top=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
dir=$top/build/peers
root=$dir/root
stamp=$dir/stamp
sum=$(cksum <"$0")

die() {
	echo "peers: $*" >&2
	exit 1
}

lib_dirs() {
	find "$root/lib" "$root/usr/lib" -name '*.so*' -printf '%h\n' \
	    2>/dev/null | sort -u | grep -v /python3 | paste -sd: -
}

# Names of the shared objects that the programs ask for, themselves or by a
# library, and neither the host nor what is unpacked has.
missing_libs() {
	for p in $programs; do
		echo "$root/$p"
	done | LD_LIBRARY_PATH=$(lib_dirs) xargs ldd 2>/dev/null |
	    sed -n 's/^[[:space:]]*\(.*\) => not found.*/\1/p' | sort -u
}

have_deb() {
	[ -n "$(find "$dir/debs" -name "${1}_*.deb" | head -n 1)" ]
}

# All in one go; one by one only if some package is not to be had.
fetch() {
	(cd "$dir/debs" && apt-get -qq download "$@" 2>/dev/null) && return
	for p do
		have_deb "$p" || (cd "$dir/debs" && apt-get -qq download "$p") ||
		    echo "peers: cannot fetch $p" >&2
	done
}

unpack() {
	want=
	for p do
		have_deb "$p" || want="$want $p"
	done
	if [ -n "$want" ]; then
		echo "peers: fetching$want"
		# shellcheck disable=SC2086
		fetch $want
	fi
	tried="$tried $*"
	for p do
		have_deb "$p" || continue
		dpkg-deb -x "$(find "$dir/debs" -name "${p}_*.deb" |
		    head -n 1)" "$root"
		unpacked="$unpacked $p"
	done
}

# Library packages that the unpacked packages depend on and the host lacks.
next_packages() {
	for p in $unpacked; do
		dpkg-deb -f "$dir/debs/${p}_"*.deb Depends Pre-Depends
	done | sed 's/^[A-Za-z-]*: //; s/([^)]*)//g; s/:any//g' |
	    tr ',|' '\n' | tr -d ' ' | grep '^lib' | sort -u |
	    while read -r p; do
		case " $tried " in *" $p "*) continue ;; esac
		dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null |
		    grep -q '^[hi]i' || echo "$p"
	done
}

write_env() {
	cat >"$dir/env" <<EOF
PEERS_ROOT=$root
PEERS_LIBS=$(lib_dirs)
peers_run() {
	LD_LIBRARY_PATH=\$PEERS_LIBS "\$@"
}
EOF
	cat >"$dir/postfix.cf" <<EOF
compatibility_level = 3.6
daemon_directory = $root/usr/lib/postfix/sbin
command_directory = $root/usr/sbin
shlib_directory = $root/usr/lib/postfix
meta_directory = $root/etc/postfix
sendmail_path = $root/usr/sbin/sendmail
mailq_path = $root/usr/bin/mailq
newaliases_path = $root/usr/bin/newaliases
mail_owner = daemon
setgid_group = uucp
import_environment = LD_LIBRARY_PATH MAIL_CONFIG TZ LANG=C
export_environment = LD_LIBRARY_PATH MAIL_CONFIG TZ
EOF
}

works() {
	for p in $programs; do
		[ -x "$root/$p" ] || return 1
	done
	[ -z "$(missing_libs)" ]
}

mkdir -p "$dir/debs"
exec 9>"$dir/lock"
flock 9
if [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && [ -f "$dir/env" ] &&
    . "$dir/env" && [ "$PEERS_ROOT" = "$root" ] &&
    LD_LIBRARY_PATH=$PEERS_LIBS "$root/usr/sbin/nsd" -v >/dev/null 2>&1; then
	exit 0
fi

command -v dpkg-deb >/dev/null || die 'needs dpkg-deb'
command -v apt-get >/dev/null || die 'needs apt-get'
# Aside first: a test that runs from the old ones is not disturbed for long.
root=$dir/root.new
rm -rf "$root" "$stamp"
mkdir "$root"
if [ "$(id -u)" -eq 0 ]; then
	# apt fetches as a user of its own, who must be able to write here
	chown _apt "$dir/debs" 2>/dev/null || :
	apt-get -qq update || :
fi
unpacked='' tried=''
# shellcheck disable=SC2086
unpack $packages
while missing=$(missing_libs) && [ -n "$missing" ]; do
	more=$(next_packages)
	[ -n "$more" ] || die "no package found for $missing"
	# shellcheck disable=SC2086
	unpack $more
done
find "$root" -type f -perm /6000 -exec chmod ug-s {} +
works || die 'unpacked, but a program is missing'
rm -rf "$dir/root"
mv "$root" "$dir/root"
root=$dir/root
write_env
echo "$sum" >"$stamp"
echo "peers: unpacked$unpacked below build/peers"
