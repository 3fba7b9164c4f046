#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/video.rst, typed as it is there, with ffmpeg: a video by MPEG-TS
# and by RTP arrives frame by frame, by number and hash, and is ESP on the wire.
#
# full only: ffmpeg brings 77 MB of packages, which nothing else needs
# timeout: 600

. "$(dirname "$0")/../lib.sh"
command -v ffmpeg >/dev/null || skip_all "ffmpeg is missing: tools/deps full"
. "$TOP/selftests/e2e/recipe.sh"

keyed() {
	sends studio && [ "$(of studio out-spi)" -gt 0 ] && [ "$(of viewer data-spi)" = "$(of studio out-spi)" ]
}
listens() { on_host viewer ss -Hlnu | grep -q ":$1 "; }
# FILE: size and hash of each frame
frames() { grep -v '^#' "$TMP/viewer/home/$1" | awk -F ', *' '{ print $5, $6 }'; }
# FILE: it is whole
hashed() { [ "$(grep -vc '^#' "$TMP/viewer/home/$1")" = 30 ]; }

before_command() {
	case $1:$2 in
	*'mcsecctl member video') try "the viewer has the key of the studio" \
		wait_until 60 keyed ;;
	studio:*mpegts*5004*) try "the viewer listens" wait_until 60 listens 5004 ;;
	studio:*rtp*5006*) try "the viewer listens for RTP" wait_until 60 listens 5006 ;;
	viewer:tail*)
		try "thirty frames have come by MPEG-TS" wait_until 60 hashed ts.frames
		try "thirty frames have come by RTP" wait_until 60 hashed rtp.frames
		;;
	esac
}
after_command() {
	case $1:$2 in
	viewer:*'mcsecctl stats') output_has "datagrams are verified" '^in-accepted +[1-9]' ;;
	esac
}
recipe_up studio viewer
type_recipe video "studio|viewer"

on_host studio ffmpeg -v error -i clip.ts -c copy -frames:v 30 -f framehash -hash md5 \
	sent.frames </dev/null
sent=$(grep -v '^#' "$TMP/studio/home/sent.frames" | awk -F ', *' '{ print $5, $6 }')
is "the clip has thirty frames, no two of them the same" "$(sort -u <<<"$sent" | wc -l)" 30
is "each frame by MPEG-TS is as it was sent" "$(frames ts.frames)" "$sent"
is "each frame by RTP is as it was sent" "$(frames rtp.frames)" "$sent"
is "nothing of it is in the clear" "$(wire "udp and net 239.1.1.0/28")" 0
is "all that was sent has arrived" \
	"$(stat_of viewer in-accepted)" "$(stat_of studio out-protected)"
is "each datagram is one frame of the link" \
	"$(wire "esp and net 239.1.1.0/28")" "$(stat_of studio out-protected)"
tap_done
