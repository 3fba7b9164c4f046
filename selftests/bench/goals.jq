# SPDX-License-Identifier: Apache-2.0
# What was to be reached, of both files: AES-GCM-128, IPv4, transport mode, the
# first kernel.

def ratio($a; $b): $a / $b * 1000 | round / 1000;
def goal($what; $got; $most):
	"  \($what): \($got), at most \($most): "
	+ if $got <= $most then "reached" else "MISSED" end;

$lines as $l | $scale as $s
| [ $l[] | select(.kernel == $l[0].kernel and (.family == 4 or .path == "aead")
	and (.alg == "aes-gcm-16-128" or .path == "plain")
	and .mode != "tunnel") ] as $k
| def n($path; $size): first($k[] | select(.path == $path and .size == $size))
	| .instructions_per_packet;
  def added($path; $size): n($path; $size) - n("plain"; $size);
"goals, kernel \($l[0].kernel)",
goal("added by mcsec to that by xfrm, 64 octets";
     ratio(added("mcsec"; 64); added("xfrm"; 64)); 0.33),
goal("1300 octets"; ratio(added("mcsec"; 1300); added("xfrm"; 1300)); 0.5),
goal("to the cipher alone, 64 octets";
     ratio(added("mcsec"; 64); n("aead"; 64)); 1.4),
goal("1300 octets"; ratio(added("mcsec"; 1300); n("aead"; 1300)); 1.2),
( [ $s[] | select(.groups and .family == 4) ] as $g
  | goal("10,000 groups and 1,000 senders to one sender";
	 ratio($g | map(select(.groups > 10000 and (.others | not)))[0]
	       .instructions_per_packet; $g[0].instructions_per_packet); 1.1),
    goal("1,000 senders to one";
	 ratio($g | map(select(.groups == 2 and .senders == 1000))[0]
	       .instructions_per_packet; $g[0].instructions_per_packet); 1.1) ),
( $s[] | select(.ratio and .path == "mcsec")
  | "  two CPUs to one: \(.ratio), at least 1.8: "
    + if .ratio >= 1.8 then "reached" else "MISSED" end ),
( $s[] | select(.captured)
  | goal("IVs repeated of \(.captured)"; .ivs_repeated; 0) )
