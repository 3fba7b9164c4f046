# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by what compiles for tests: what a clone of this text compiled before
# is taken from ccache, where that is installed. The folder of a clone is no part
# of the question, so paths in debug information may be those of another one.

if [ -d /usr/lib/ccache ]; then
	case :$PATH: in
	*:/usr/lib/ccache:*) ;;
	*) export PATH=/usr/lib/ccache:$PATH ;;
	esac
	export CCACHE_DIR=${MCSEC_CACHE:-/var/cache/mcsec}/ccache
	export CCACHE_MAXSIZE=2G CCACHE_NOHASHDIR=1
fi
