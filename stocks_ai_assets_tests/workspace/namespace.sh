#!/bin/sh
# Runs a command in a file system that holds what a Databricks driver sees, and nothing else.
# usage (as first process of new mount and process namespaces):
#   namespace.sh ROOT ENVIRONMENT PYTHON LIBRARIES LAUNCHER CWD MOUNT... -- COMMAND...
# ROOT         an empty folder, becomes /
# ENVIRONMENT  virtual environment of the tests, its libraries become /databricks/python
# PYTHON       installation that the environment was made from
# LIBRARIES    its site-packages, relative to ENVIRONMENT, then what to leave out of it
# LAUNCHER     folder of the driver's own code
# MOUNT        FOLDER=PLACE: a folder of this machine and where the command sees it
set -eu
root=$1 environment=$2 python=$3 libraries=$4 launcher=$5 cwd=$6
shift 6

mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$root"

show() {  # show FOLDER PLACE [ro]
  mkdir -p "$root$2"
  mount --rbind "$1" "$root$2"
  # Without the right to lock a mount it stays writable: the run is still kept to what it sees.
  [ -z "${3:-}" ] || mount -o remount,bind,ro "$root$2" 2>/dev/null || true
}

for name in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"; elif [ -d "/$name" ]; then show "/$name" "/$name" ro; fi
done
for name in usr etc opt; do [ ! -d "/$name" ] || show "/$name" "/$name" ro; done
show /dev /dev
show /sys /sys
mkdir -p "$root/proc" "$root/tmp" "$root/var/tmp" "$root/run" "$root/root" "$root/local_disk0/tmp"
chmod 1777 "$root/tmp" "$root/var/tmp" "$root/local_disk0/tmp"
mount -t proc proc "$root/proc"
case $python in /usr|/usr/*) ;; *) show "$python" "$python" ro ;; esac
show "$environment" /databricks/.environment ro
show "$launcher" /databricks/launcher/databricks_driver ro
while [ "$1" != -- ]; do
  show "${1%%=*}" "${1#*=}"
  shift
done
shift

# The libraries of the environment, but for what is installed from a checkout.
view=$root/databricks/python
seen=${libraries%%:*}
mkdir -p "$view/$seen"
for found in "$environment"/*; do
  case ${found##*/} in lib|lib64) ;; *) ln -s "/databricks/.environment/${found##*/}" "$view/" ;; esac
done
(cd "$environment/$seen" && for found in *; do printf '%s\0' "/databricks/.environment/$seen/$found"; done) |
  xargs -0 sh -c 'to=$1; shift; ln -s "$@" "$to/"' sh "$view/$seen"
(IFS=:; cd "$view/$seen"; for hidden in ${libraries#*:}; do rm -f -- "$hidden"; done)

# Not exec: this shell stays the first process, so that signals end the command, not the namespace.
chroot "$root" /bin/sh -c 'cd "$1"; shift; unset PWD OLDPWD; "$@"; exit $?' sh "$cwd" "$@"
exit $?
