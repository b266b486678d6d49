#!/bin/sh
# Make the system accounts: one per instance, so that no two processes share a
# uid, and the group whose members may use the control socket. Changes nothing
# that is there already.
set -eu

instances='connd-ext connd-int in-ext in-int queued out-ext out-int dnsd-ext
    dnsd-int dird logd ctld keyd'
ops=_postern-ops

if [ "$(id -u)" -ne 0 ]; then
	echo 'users: only root can make accounts' >&2
	exit 1
fi

made=
getent group $ops >/dev/null || {
	groupadd --system $ops
	made=" $ops"
}
for i in $instances; do
	name=_postern-$i
	getent group "$name" >/dev/null || groupadd --system "$name"
	getent passwd "$name" >/dev/null || {
		useradd --system --gid "$name" --home-dir /nonexistent \
		    --no-create-home --shell /usr/sbin/nologin \
		    --comment "Postern $i" "$name"
		made="$made $name"
	}
done
if [ -n "$made" ]; then
	echo "users: made$made"
fi
