# SPDX-License-Identifier: Apache-2.0
# The table of build/bench/dataplane.json: what each path adds to the plain
# one, and how mcsec stands to the others.

def pad($n): tostring | (" " * ([0, $n - length] | max)) + .;
def ratio($a; $b):
	if $a and $b and $b != 0 then $a / $b * 1000 | round / 1000 else "-" end;
def at($l; $p; $f; $alg; $size):
	first($l[] | select(.path == $p and (.family == $f or $p == "aead")
		and (.alg == $alg or $p == "plain") and .size == $size)
		| .instructions_per_packet) // null;

group_by(.kernel)[] | . as $l
| "kernel \($l[0].kernel): instructions per packet, both ends",
  "  f  alg                 size   plain   +xfrm  +mcsec    aead"
	+ "  mcsec/xfrm  mcsec/aead",
  ( [ $l[] | select(.path == "mcsec" and .mode == "transport") ][]
    | . as $m
    | at($l; "plain"; $m.family; null; $m.size) as $p
    | at($l; "xfrm"; $m.family; $m.alg; $m.size) as $x
    | at($l; "aead"; $m.family; $m.alg; $m.size) as $c
    | ($m.instructions_per_packet - $p) as $d
    | "  \($m.family)  \($m.alg + " " * (18 - ($m.alg | length)))"
	+ ($m.size | pad(6)) + ($p | pad(8))
	+ (if $x then $x - $p else "-" end | pad(8)) + ($d | pad(8))
	+ ($c // "-" | pad(8))
	+ (ratio($d; (if $x then $x - $p else null end)) | pad(12))
	+ (ratio($d; $c) | pad(12)) ),
  "  tunnel mode: mcsec, of that in transport mode",
  ( [ $l[] | select(.path == "mcsec" and .mode == "tunnel") ][]
    | . as $m
    | first($l[] | select(.path == "mcsec" and .mode == "transport"
	and .family == $m.family and .alg == $m.alg and .size == $m.size))
	as $one
    | "  \(.family)" + (.size | pad(8)) + (.instructions_per_packet | pad(8))
	+ (ratio(.instructions_per_packet; $one.instructions_per_packet)
	   | pad(8)) )
