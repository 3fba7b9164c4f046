# SPDX-License-Identifier: Apache-2.0
# The tables of build/bench/scale.json.

def pad($n): tostring | (" " * ([0, $n - length] | max)) + .;
def ratio($a; $b): $a / $b * 1000 | round / 1000;

. as $l
| "kernel \($l[0].kernel): groups, senders, instructions per packet,"
	+ " to the first, what other groups there are",
  ( $l[] | select(.groups) | . as $m
    | first($l[] | select(.groups and .family == $m.family)) as $one
    | "  \(.family)" + (.groups | pad(8)) + (.senders | pad(6))
	+ (.instructions_per_packet | pad(8))
	+ (ratio(.instructions_per_packet; $one.instructions_per_packet)
	   | pad(8)) + (if .others then "  " + .others else "" end) ),
  "outputs of a gateway: instructions per packet, plain, mcsec; added by the"
	+ " first output and by each that follows",
  ( $l[] | select(.outputs and .path == "mcsec") | . as $m
    | ($l | map(select(.outputs and .family == $m.family
	and .size == $m.size))) as $s
    | def at($path; $n): first($s[] | select(.path == $path and .outputs == $n))
	| .instructions_per_packet;
      (at("mcsec"; 1) - at("plain"; 1)) as $first
    | (at("mcsec"; .outputs) - at("plain"; .outputs)) as $all
    | "  \(.family)" + (.size | pad(6)) + (.outputs | pad(4))
	+ (at("plain"; .outputs) | pad(9)) + (.instructions_per_packet | pad(9))
	+ ($first | pad(8))
	+ (if .outputs > 1 then ($all - $first) / (.outputs - 1) | round
	   else "" end | pad(8)) ),
  "two CPUs to one group, to one CPU",
  ( $l[] | select(.ratio) | "  \(.path)" + (.ratio | pad(12)) ),
  ( $l[] | select(.captured)
    | "  sent \(.sent), captured \(.captured), Sender-IDs \(.sender_ids),"
	+ " IVs repeated \(.ivs_repeated)" )
