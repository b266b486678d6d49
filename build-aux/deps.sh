#!/bin/sh
# deps.sh build|demo|check|all: install the Debian 12 packages that the purpose
# needs and the host lacks. Says and does nothing when all are there. Starts no
# service; mail and DNS servers for the tests are unpacked aside by peers.sh.
set -eu

build='gcc make bison libc6-dev libbsd-dev libcap-dev libidn2-dev libldns-dev libseccomp-dev
    libssl-dev'
demo="$build iproute2 netbase procps python3 util-linux"
check="$demo bind9-utils binutils btrfs-progs chromium-headless-shell
    clang-14 curl e2fsprogs fonts-dejavu-core libclang-rt-14-dev libcmocka-dev
    libnet-ssleay-perl mandoc msmtp nftables openssl python3-pytest s-nail
    sslscan strace swaks systemd tcpdump testssl.sh xfsprogs"
lint='clang-format-14 clang-tidy-14 cppcheck llvm-14 valgrind'

case ${1-all} in
build) want=$build ;;
demo) want=$demo ;;
check) want=$check ;;
all) want="$check $lint" ;;
*)
	echo "usage: ${0##*/} [build|demo|check|all]" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "deps: not a Debian system; what is needed: $want"
	exit 0
fi

# shellcheck disable=SC2086
have=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' $want 2>/dev/null |
    sed -n 's/^[hi]i //p')
missing=
for p in $want; do
	echo "$have" | grep -qx "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "deps: missing packages; as root run:" >&2
	echo "	apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086
apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $missing \
    >/dev/null
