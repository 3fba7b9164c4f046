#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Collectors of metrics read those of mcsecctl: the text of a key server that runs,
# as a file and by HTTP, passes the checks of Prometheus; so do the alerts, which
# are raised by what they are for; and alerts and dashboard name metrics that exist.
# timeout: 120

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip promtool python3 jq

rules=$TOP/tools/monitoring/mcsec.rules.yml
board=$TOP/tools/monitoring/grafana-dashboard.json
group='name = "video"; address = "239.8.1.1"; rekey-address = "239.8.1.254";'

pki_make || exit 1
mkdir -p "$TMP/k"
ns_create k m
nip k link set lo up
veth k:eth0 10.7.0.1/24 -- m:eth0 10.7.0.2/24
gcks_conf "{ $group rekey-interface = \"eth0\"; receivers = [ \"*.lab\" ]; }" \
	>"$TMP/k.conf"
up k

# metric: its value
value() { sed -n "s/^$1 //p" "$TMP/text"; }

section "text"
try "a key server exports its metrics" kctl metrics export "$TMP/text"
is "promtool has nothing to say" "$(promtool check metrics <"$TMP/text" 2>&1)" ""
is "the daemon answers" "$(value mcsec_daemon_up)" 1
is "the group of the configuration" "$(value 'mcsec_gcks_members{group="video"}')" 0
is "the version is that of mcsecd" \
	"$(value "mcsec_build_info{version=\"$(cat "$TOP/VERSION")\"}")" 1
is "everybody may read the file" "$(stat -c %a "$TMP/text")" 644
kctl metrics export >"$TMP/printed"
is "standard output has the same names" \
	"$(sed '/^#/d; s/ [^ ]*$//' "$TMP/printed")" \
	"$(sed '/^#/d; s/ [^ ]*$//' "$TMP/text")"
refuse "a file in a folder that is not there" kctl metrics export "$TMP/none/text"
like "the error names file and reason" "$(kctl metrics export "$TMP/none/text" 2>&1)" \
	'metrics export: .*/none/text: No such file'
is "nothing is left beside the file" \
	"$(cd "$TMP" && find . -name 'text.*')" ""
refuse "the text is no JSON" kctl -j metrics export
mkfifo "$TMP/fifo"
refuse "a file is not put in the place of something else" \
	kctl metrics export "$TMP/fifo"
try "the pipe is still there" test -p "$TMP/fifo"

# ---- HTTP ------------------------------------------------------------------

# METHOD PATH: status, type and length of the answer, from the socket $TMP/http
request() {
	python3 - "$TMP/http" "$@" <<-'END'
		import http.client
		import socket
		import sys

		class Local(http.client.HTTPConnection):
		    def connect(self):
		        self.sock = socket.socket(socket.AF_UNIX)
		        self.sock.settimeout(30)
		        self.sock.connect(sys.argv[1])

		c = Local("localhost")
		c.request(sys.argv[2], sys.argv[3])
		r = c.getresponse()
		body = r.read()
		print(r.status, r.getheader("Content-Type"), r.getheader("Allow", "-"))
		sys.stdout.write(body.decode())
	END
}

serve() { kctl metrics serve "$@" >"$TMP/serve.log" 2>&1; }
serves() { grep -q '^metrics are served at ' "$TMP/serve.log"; }

section "HTTP"
spawn serve "$TMP/http"
server=$!
try "the server begins" wait_until 20 serves
is "only owner and group may use the socket" "$(stat -c %a "$TMP/http")" 660
request GET /metrics >"$TMP/got"
is "an answer has the type of the format" "$(head -n 1 "$TMP/got")" \
	"200 text/plain; version=0.0.4; charset=utf-8 -"
sed 1d "$TMP/got" >"$TMP/body"
is "promtool has nothing to say of the answer" \
	"$(promtool check metrics <"$TMP/body" 2>&1)" ""
is "the answer has the same names as the file" \
	"$(sed '/^#/d; s/ [^ ]*$//' "$TMP/body")" \
	"$(sed '/^#/d; s/ [^ ]*$//' "$TMP/text")"
is "HEAD has no body" "$(request HEAD /metrics)" \
	"200 text/plain; version=0.0.4; charset=utf-8 -"
is "another path is named as absent" "$(request GET / | xargs)" \
	"404 text/plain; charset=utf-8 - the metrics are at /metrics"
is "nothing can be written" "$(request POST /metrics | xargs)" \
	"405 text/plain; charset=utf-8 GET, HEAD GET and HEAD are understood"
refuse "a second server at the same socket" serve "$TMP/http"
like "the error names socket and reason" "$(cat "$TMP/serve.log")" \
	'metrics serve: .*/http: Address already in use'
is "the first server still answers" "$(request GET /metrics | head -c 4)" "200 "
rm "$TMP/http"
spawn kctl metrics serve "$TMP/http" >"$TMP/second.log" 2>&1
second=$!
try "another server takes a path that was removed" \
	wait_until 20 grep -q '^metrics are served' "$TMP/second.log"
down TERM "$(pgrep -P "$server" -f 'metrics serve' || echo "$server")"
is "the end of the first server leaves the socket of the second" \
	"$(request GET /metrics | head -c 4)" "200 "
server=$second
for where in 0.0.0.0:9750 10.7.0.1:9750 127.0.0.1 '[::]:9750' 9750; do
	refuse "no service for others: $where" serve "$where"
done
like "the error says where it may listen" "$(cat "$TMP/serve.log")" \
	'"9750": a path, 127.0.0.1:PORT or \[::1\]:PORT is needed'
down TERM "$(pgrep -P "$server" -f 'metrics serve' || echo "$server")"
try "the socket goes with the server" wait_until 10 test ! -e "$TMP/http"
: >"$TMP/serve.log"
spawn serve 127.0.0.1:9750
try "a port of the loopback" wait_until 20 serves
loopback() {
	in_ns k python3 -c 'import urllib.request as u
print(u.urlopen("http://127.0.0.1:9750/metrics", timeout=30).status)'
}
is "the port answers" "$(loopback)" 200

# ---- alerts and dashboard ----------------------------------------------------

section "alerts"
try "promtool takes the rules" promtool check rules "$rules"
cp "$rules" "$TOP/selftests/pkg/mcsec.rules.test.yml" "$TMP/"
try "each alert is raised by what it is for, and by nothing else" \
	promtool test rules "$TMP/mcsec.rules.test.yml"

# All names of families, also of those that this host has no values for
names() {
	"$MCSECCTL" -j metrics | jq -r '.[] |
		({"stats": "module", "gcks.groups": "gcks", "member.groups": "member",
		  "member.rekey-drops": "member_rekey_drops", "gcks.ike": "gcks_ike",
		  "member.ike": "member_ike"}[.in]) as $p |
		"mcsec_\($p)_\(.name | gsub("-"; "_"))" +
		(if .help | test("seconds") then "_seconds" else "" end) +
		(if .kind == "counter" then "_total" else "" end)'
	sed -n 's/.*"\(mcsec_[a-z_]*\)".*/\1/p' "$TOP/tools/mcsecctl/prometheus.c"
}
names | sort -u >"$TMP/names"
# Names in the file that no metric has
unknown() { grep -oE 'mcsec_[a-z_]+' "$1" | sort -u | comm -23 - "$TMP/names"; }
is "alerts are on metrics that exist" "$(unknown "$rules")" ""
is "panels show metrics that exist" "$(unknown "$board")" ""
is "names that this host has are those of the list" \
	"$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$TMP/text" | sort -u |
		comm -23 - "$TMP/names")" ""
try "the dashboard is JSON with a title" jq -e '.title == "mcsec"' "$board"
tap_done
