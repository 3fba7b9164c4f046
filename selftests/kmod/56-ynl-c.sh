#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The C client that the kernel source's YNL generates from the specification
# compiles and drives every operation. It takes the generator of a recent source,
# which knows lists of strings: the one that the guests' kernels are built from, or
# YNL_NEW.
#
# timeout: 300

. "$(dirname "$0")/../lib.sh"
need python3 gcc
tree=${YNL_NEW:-${MCSEC_CACHE:-/var/cache/mcsec}/src/source}
gen=$tree/tools/net/ynl/pyynl/ynl_gen_c.py
lib=$tree/tools/net/ynl/lib
[ -e "$gen" ] || skip_all "no generator of a recent kernel in $tree"
python3 -c 'import yaml, jsonschema' 2>/dev/null ||
	skip_all "python3-yaml or python3-jsonschema is missing"
spec=$(project_file Documentation/netlink/specs/mcsec.yaml)
uapi=$(project_file uapi/linux/mcsec.h include/uapi/linux/mcsec.h \
	/usr/include/linux/mcsec.h)
[ -n "$spec" ] && [ -n "$uapi" ] ||
	skip_all "the family's specification or header is not here"

# ynl-gen-c looks for MAINTAINERS upwards from the specification, and for ever.
t=$TMP/t/Documentation/netlink
mkdir -p "$t/specs" "$TMP/include/linux"
cp "$tree"/Documentation/netlink/*.yaml "$t/"
cp "$spec" "$t/specs/"
: >"$TMP/t/MAINTAINERS"
# no other of the header's folder: what is there may be another kernel's
cp "$uapi" "$TMP/include/linux/"
for part in header:h source:c; do
	timeout 100 python3 "$gen" --mode user --"${part%:*}" \
		--spec "$t/specs/mcsec.yaml" -o "$TMP/mcsec-user.${part#*:}" \
		>"$TMP/why" 2>&1 && [ -s "$TMP/mcsec-user.${part#*:}" ] || {
		echo "Bail out! no client is generated"
		sed 's/^/# /' "$TMP/why"
		exit 1
	}
done
# generated code, and ours, compiles without a warning; the library is theirs
gcc -std=gnu11 -O1 -w -I"$lib" -c -o "$TMP/ynl.o" "$lib/ynl.c" &&
	gcc -std=gnu11 -O1 -Wall -Werror -I"$TMP" -I"$TMP/include" -I"$lib" \
		-o "$TMP/client" "$(dirname "$0")/ynl_client.c" \
		"$TMP/mcsec-user.c" "$TMP/ynl.o" 2>"$TMP/why" || {
	echo "Bail out! the client does not compile"
	sed 's/^/# /' "$TMP/why"
	exit 1
}
load_mcsec
ns_create a
nip a link add dummy0 type dummy
nip a addr add 10.1.0.1/24 dev dummy0
nip a link set dummy0 up
in_ns a "$TMP/client"
exit
