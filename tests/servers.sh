#!/bin/sh
# Installs the Debian packages named, where this user may; elsewhere says what the tests will skip.
set -u
missing=""
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null; then
    echo "This is not a Debian-like machine: install yourself what is missing:$missing. Their tests are skipped until then."
    exit 0
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then as_root="sudo"; else
        echo "No root here: the tests of these are skipped:$missing"
        echo "To run them: sudo apt-get install$missing"
        exit 0
    fi
fi
# Debian starts what it installs; the tests start their own on free ports, so nothing may be left listening.
echo "Installing for the tests:$missing"
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null && $as_root chmod +x $policy
    trap '$as_root rm -f $policy' EXIT
fi
$as_root apt-get update -qq || true
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
