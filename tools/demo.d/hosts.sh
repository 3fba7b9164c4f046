# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # what lab.sh has
#
# Commands on the hosts of the lab, as one types them: for "show", and for the shell of
# --keep. To be sourced after lab.sh.

# lab_tools: programs in LAB/bin, which know the lab: "on HOST COMMAND...", and
# "mcsecctl", which asks the daemon of the host that it runs on.
lab_tools() {
	mkdir -p "$LAB/bin"
	cat >"$LAB/bin/on" <<-END
		#!/bin/bash
		host=\${1:-}
		case " $LAB_HOSTS router " in
		*" \${host:- } "*) shift ;;
		*)
		    echo "on: no host \"\$host\": use on HOST COMMAND, with" >&2
		    echo "$LAB_HOSTS or router" >&2
		    exit 2
		    ;;
		esac
		export MCSEC_HOST=\$host PATH="$LAB/bin:\$PATH"
		[ "\$host" != router ] || host=r
		[ \$# -gt 0 ] || set -- bash --noprofile --rcfile "$LAB/bin/hostrc" -i
		exec nsenter "--net=/run/netns/\$host$(ns '')" -- "\$@"
	END
	cat >"$LAB/bin/mcsecctl" <<-END
		#!/bin/bash
		[ -n "\${MCSEC_HOST:-}" ] || {
		    echo "mcsecctl: on which host? Use on HOST mcsecctl ..." >&2
		    exit 2
		}
		exec "$MCSECCTL" -s "$LAB/\$MCSEC_HOST/mcsecd.sock" \\
		    --color "\${LAB_COLOR:-auto}" "\$@"
	END
	cat >"$LAB/bin/labrc" <<-END
		PATH="$LAB/bin:\$PATH"
		PS1='mcsec lab# '
		cd "$LAB"
	END
	cat >"$LAB/bin/hostrc" <<-END
		PS1='\${MCSEC_HOST}# '
	END
	chmod 755 "$LAB/bin/on" "$LAB/bin/mcsecctl"
}
