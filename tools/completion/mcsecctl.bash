# SPDX-License-Identifier: Apache-2.0
# Made by tools/completion/generate.py from the tables of mcsecctl; not to be edited.
# shellcheck shell=bash

# Groups that the module has, and those of a key server. Without the privilege
# to ask there are none.
_mcsecctl_groups() {
	{ mcsecctl -j group show; mcsecctl -j status; } 2>/dev/null |
		tr '{,' '\n\n' | sed -n 's/^"name":"\([^"]*\)"$/\1/p'
}

# path: what may follow in mc_words, kinds of positions in mc_args
_mcsecctl_lookup() {
	mc_words='' mc_args=''
	case "$1" in
	'') mc_words='group sa sender edge show stats metrics monitor watch top tree batch key pki setup doctor health status member rekey reset reload reseal evict admit policy audit join leave help' ;;
	'group') mc_words='add set del show flush' mc_args='' ;;
	'group add') mc_words='src proto sport dport mark in-mark dev policy forward' mc_args='none none' ;;
	'group set') mc_words='policy --force' mc_args='group' ;;
	'group del') mc_words='--force' mc_args='group' ;;
	'group show') mc_words='' mc_args='group' ;;
	'group flush') mc_words='--force' mc_args='' ;;
	'sa') mc_words='add set del show flush' mc_args='' ;;
	'sa add') mc_words='spi alg key-file key-stdin mode sid-bits sender-id replay window max-senders iv-limit key dir select soft-time hard-time soft-packets hard-packets soft-bytes hard-bytes' mc_args='group' ;;
	'sa set') mc_words='dir select soft-time hard-time soft-packets hard-packets soft-bytes hard-bytes' mc_args='group none' ;;
	'sa del') mc_words='' mc_args='group none' ;;
	'sa show') mc_words='-v' mc_args='group none' ;;
	'sa flush') mc_words='' mc_args='group' ;;
	'sender') mc_words='add set del show' mc_args='' ;;
	'sender add') mc_words='name' mc_args='group none none' ;;
	'sender set') mc_words='name' mc_args='group none none' ;;
	'sender del') mc_words='' mc_args='group none none' ;;
	'sender show') mc_words='' mc_args='group none' ;;
	'edge') mc_words='add set del show' mc_args='' ;;
	'edge add') mc_words='local peer up down senders mtu dev' mc_args='group none' ;;
	'edge set') mc_words='peer up down senders mtu' mc_args='group none' ;;
	'edge del') mc_words='' mc_args='group none' ;;
	'edge show') mc_words='' mc_args='group' ;;
	'stats') mc_words='-a -v' mc_args='' ;;
	'metrics') mc_words='export serve' mc_args='' ;;
	'metrics export') mc_words='' mc_args='file' ;;
	'metrics serve') mc_words='' mc_args='none' ;;
	'top') mc_words='interval' mc_args='' ;;
	'tree') mc_words='' mc_args='group' ;;
	'batch') mc_words='-f force' mc_args='' ;;
	'key') mc_words='generate' mc_args='' ;;
	'key generate') mc_words='bits file' mc_args='alg' ;;
	'pki') mc_words='init gcks member bundle import request sign renew revoke list' mc_args='' ;;
	'pki init') mc_words='name days type' mc_args='folder' ;;
	'pki gcks') mc_words='dns ip email days type' mc_args='folder none' ;;
	'pki member') mc_words='dns ip email days type' mc_args='folder none' ;;
	'pki bundle') mc_words='file config gcks gcks-id passphrase-file' mc_args='folder none' ;;
	'pki import') mc_words='dir name config interface interfaces forward keys-only replace passphrase-file' mc_args='file' ;;
	'pki request') mc_words='dns ip email type replace' mc_args='folder none' ;;
	'pki sign') mc_words='dns ip email days gcks' mc_args='folder none file' ;;
	'pki renew') mc_words='days' mc_args='folder none' ;;
	'pki revoke') mc_words='days' mc_args='folder none' ;;
	'pki list') mc_words='' mc_args='folder' ;;
	'setup') mc_words='gcks both member' mc_args='' ;;
	'setup gcks') mc_words='listen group address protocol destination-port interfaces mode forward rekey-address senders receivers algorithm interface dir config state replace' mc_args='group' ;;
	'setup both') mc_words='listen group address protocol destination-port interfaces mode forward rekey-address senders receivers algorithm interface dir config state replace' mc_args='group' ;;
	'setup member') mc_words='gcks gcks-id group address protocol destination-port interfaces mode forward send receive interface dir config replace' mc_args='group' ;;
	'doctor') mc_words='' mc_args='file' ;;
	'health') mc_words='-v' mc_args='group' ;;
	'status') mc_words='-v' mc_args='group' ;;
	'member') mc_words='-v' mc_args='group' ;;
	'rekey') mc_words='--signing-key' mc_args='group' ;;
	'reset') mc_words='' mc_args='group' ;;
	'reload') mc_words='--check' mc_args='' ;;
	'evict') mc_words='--ahead' mc_args='group none' ;;
	'admit') mc_words='' mc_args='group none' ;;
	'policy') mc_words='write sign check show order apply history rollback' mc_args='' ;;
	'policy write') mc_words='config' mc_args='group file' ;;
	'policy sign') mc_words='certificate key out' mc_args='file' ;;
	'policy check') mc_words='' mc_args='file' ;;
	'policy show') mc_words='version file' mc_args='group' ;;
	'policy order') mc_words='emergency hours evict admit' mc_args='group' ;;
	'policy apply') mc_words='' mc_args='file' ;;
	'policy history') mc_words='' mc_args='group' ;;
	'policy rollback') mc_words='' mc_args='group none file' ;;
	'audit') mc_words='verify show tail after' mc_args='' ;;
	'audit verify') mc_words='dir certificate from head' mc_args='' ;;
	'audit show') mc_words='dir group id event uid since until last' mc_args='' ;;
	'audit tail') mc_words='dir group id event uid since until last' mc_args='' ;;
	'audit after') mc_words='' mc_args='none' ;;
	'join') mc_words='' mc_args='group' ;;
	'leave') mc_words='' mc_args='group' ;;
	esac
}

# path, word: values of the word in mc_value
_mcsecctl_value() {
	mc_value=''
	case "$1 $2" in
	'group add src') mc_value='@none' ;;
	'group add proto') mc_value='@none' ;;
	'group add sport') mc_value='@none' ;;
	'group add dport') mc_value='@none' ;;
	'group add mark') mc_value='@none' ;;
	'group add in-mark') mc_value='@none' ;;
	'group add dev') mc_value='@none' ;;
	'group add policy') mc_value='enforce observe' ;;
	'group set policy') mc_value='enforce observe' ;;
	'sa add spi') mc_value='@none' ;;
	'sa add alg') mc_value='aes-gcm-16 aes-gmac chacha20-poly1305' ;;
	'sa add key-file') mc_value='@file' ;;
	'sa add mode') mc_value='transport tunnel' ;;
	'sa add sid-bits') mc_value='8 12 16' ;;
	'sa add sender-id') mc_value='@none' ;;
	'sa add replay') mc_value='iv seq none' ;;
	'sa add window') mc_value='@none' ;;
	'sa add max-senders') mc_value='@none' ;;
	'sa add iv-limit') mc_value='@none' ;;
	'sa add key') mc_value='@none' ;;
	'sa add dir') mc_value='in out inout' ;;
	'sa add soft-time') mc_value='@none' ;;
	'sa add hard-time') mc_value='@none' ;;
	'sa add soft-packets') mc_value='@none' ;;
	'sa add hard-packets') mc_value='@none' ;;
	'sa add soft-bytes') mc_value='@none' ;;
	'sa add hard-bytes') mc_value='@none' ;;
	'sa set dir') mc_value='in out inout' ;;
	'sa set soft-time') mc_value='@none' ;;
	'sa set hard-time') mc_value='@none' ;;
	'sa set soft-packets') mc_value='@none' ;;
	'sa set hard-packets') mc_value='@none' ;;
	'sa set soft-bytes') mc_value='@none' ;;
	'sa set hard-bytes') mc_value='@none' ;;
	'sender add name') mc_value='@none' ;;
	'sender set name') mc_value='@none' ;;
	'edge add local') mc_value='@none' ;;
	'edge add peer') mc_value='@none' ;;
	'edge add senders') mc_value='@none' ;;
	'edge add mtu') mc_value='@none' ;;
	'edge add dev') mc_value='@none' ;;
	'edge set peer') mc_value='@none' ;;
	'edge set senders') mc_value='@none' ;;
	'edge set mtu') mc_value='@none' ;;
	'key generate bits') mc_value='128 256' ;;
	'key generate file') mc_value='@none' ;;
	'pki init name') mc_value='@none' ;;
	'pki init days') mc_value='@none' ;;
	'pki init type') mc_value='ed25519 ecdsa-p256 ecdsa-p384 ml-dsa-44 ml-dsa-65 ml-dsa-87' ;;
	'pki gcks dns') mc_value='@none' ;;
	'pki gcks ip') mc_value='@none' ;;
	'pki gcks email') mc_value='@none' ;;
	'pki gcks days') mc_value='@none' ;;
	'pki gcks type') mc_value='ed25519 ecdsa-p256 ecdsa-p384 ml-dsa-44 ml-dsa-65 ml-dsa-87' ;;
	'pki member dns') mc_value='@none' ;;
	'pki member ip') mc_value='@none' ;;
	'pki member email') mc_value='@none' ;;
	'pki member days') mc_value='@none' ;;
	'pki member type') mc_value='ed25519 ecdsa-p256 ecdsa-p384 ml-dsa-44 ml-dsa-65 ml-dsa-87' ;;
	'pki bundle file') mc_value='@file' ;;
	'pki bundle config') mc_value='@file' ;;
	'pki bundle gcks') mc_value='@none' ;;
	'pki bundle gcks-id') mc_value='@none' ;;
	'pki bundle passphrase-file') mc_value='@file' ;;
	'pki import dir') mc_value='@folder' ;;
	'pki import name') mc_value='@none' ;;
	'pki import config') mc_value='@file' ;;
	'pki import interface') mc_value='@none' ;;
	'pki import interfaces') mc_value='@none' ;;
	'pki import passphrase-file') mc_value='@file' ;;
	'pki request dns') mc_value='@none' ;;
	'pki request ip') mc_value='@none' ;;
	'pki request email') mc_value='@none' ;;
	'pki request type') mc_value='@none' ;;
	'pki sign dns') mc_value='@none' ;;
	'pki sign ip') mc_value='@none' ;;
	'pki sign email') mc_value='@none' ;;
	'pki sign days') mc_value='@none' ;;
	'pki renew days') mc_value='@none' ;;
	'pki revoke days') mc_value='@none' ;;
	'setup gcks listen') mc_value='@none' ;;
	'setup gcks group') mc_value='@none' ;;
	'setup gcks address') mc_value='@none' ;;
	'setup gcks protocol') mc_value='@none' ;;
	'setup gcks destination-port') mc_value='@none' ;;
	'setup gcks interfaces') mc_value='@none' ;;
	'setup gcks mode') mc_value='transport tunnel' ;;
	'setup gcks rekey-address') mc_value='@none' ;;
	'setup gcks senders') mc_value='@none' ;;
	'setup gcks receivers') mc_value='@none' ;;
	'setup gcks algorithm') mc_value='@none' ;;
	'setup gcks interface') mc_value='@none' ;;
	'setup gcks dir') mc_value='@folder' ;;
	'setup gcks config') mc_value='@file' ;;
	'setup gcks state') mc_value='@folder' ;;
	'setup both listen') mc_value='@none' ;;
	'setup both group') mc_value='@none' ;;
	'setup both address') mc_value='@none' ;;
	'setup both protocol') mc_value='@none' ;;
	'setup both destination-port') mc_value='@none' ;;
	'setup both interfaces') mc_value='@none' ;;
	'setup both mode') mc_value='transport tunnel' ;;
	'setup both rekey-address') mc_value='@none' ;;
	'setup both senders') mc_value='@none' ;;
	'setup both receivers') mc_value='@none' ;;
	'setup both algorithm') mc_value='@none' ;;
	'setup both interface') mc_value='@none' ;;
	'setup both dir') mc_value='@folder' ;;
	'setup both config') mc_value='@file' ;;
	'setup both state') mc_value='@folder' ;;
	'setup member gcks') mc_value='@none' ;;
	'setup member gcks-id') mc_value='@none' ;;
	'setup member group') mc_value='@none' ;;
	'setup member address') mc_value='@none' ;;
	'setup member protocol') mc_value='@none' ;;
	'setup member destination-port') mc_value='@none' ;;
	'setup member interfaces') mc_value='@none' ;;
	'setup member mode') mc_value='transport tunnel' ;;
	'setup member interface') mc_value='@none' ;;
	'setup member dir') mc_value='@folder' ;;
	'setup member config') mc_value='@file' ;;
	'policy write config') mc_value='@file' ;;
	'policy sign certificate') mc_value='@file' ;;
	'policy sign key') mc_value='@file' ;;
	'policy sign out') mc_value='@file' ;;
	'policy show version') mc_value='@none' ;;
	'policy show file') mc_value='@file' ;;
	'policy order hours') mc_value='@none' ;;
	'audit verify dir') mc_value='@folder' ;;
	'audit verify certificate') mc_value='@file' ;;
	'audit verify from') mc_value='@none' ;;
	'audit verify head') mc_value='@none' ;;
	'audit show dir') mc_value='@folder' ;;
	'audit show group') mc_value='@none' ;;
	'audit show id') mc_value='@none' ;;
	'audit show event') mc_value='@none' ;;
	'audit show uid') mc_value='@none' ;;
	'audit show since') mc_value='@none' ;;
	'audit show until') mc_value='@none' ;;
	'audit show last') mc_value='@none' ;;
	'audit tail dir') mc_value='@folder' ;;
	'audit tail group') mc_value='@none' ;;
	'audit tail id') mc_value='@none' ;;
	'audit tail event') mc_value='@none' ;;
	'audit tail uid') mc_value='@none' ;;
	'audit tail since') mc_value='@none' ;;
	'audit tail until') mc_value='@none' ;;
	'audit tail last') mc_value='@none' ;;
	esac
}

_mcsecctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local path='' kind i n=0 list=''
	local mc_words mc_args mc_value
	local -a kinds

	COMPREPLY=()
	case $prev in
	-n | --netns)
		[ "$COMP_CWORD" -lt 2 ] || mapfile -t COMPREPLY < <(compgen -W \
			"$(ls /run/netns 2>/dev/null)" -- "$cur")
		return
		;;
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'always never auto' -- "$cur")
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-n | --netns | -s | --socket | --color)
			[ -n "$path" ] || { i=$((i + 1)) && continue; }
			;;
		help)
			[ -n "$path" ] || continue
			;;
		-*) continue ;;
		esac
		_mcsecctl_lookup "$path"
		if [ $n -eq 0 ] && [[ $path != *' '* ]] && [ -z "$mc_args" ] &&
			[[ " $mc_words " == *" ${COMP_WORDS[i]} "* ]]; then
			path=${path:+$path }${COMP_WORDS[i]}
		else
			n=$((n + 1))
		fi
	done
	_mcsecctl_value "$path" "$prev"
	_mcsecctl_lookup "$path"
	# shellcheck disable=SC2206 # words
	kinds=($mc_args)
	kind=${kinds[n]:-}
	[ -z "$mc_value" ] || kind=$mc_value
	case $kind in
	@file | file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	@folder | folder) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
	@none | none) return ;;
	group) list=$(_mcsecctl_groups) ;;
	alg) list='aes-gcm-16 aes-gmac chacha20-poly1305' ;;
	'') list=$mc_words ;;
	*) list=$kind ;;
	esac
	[ -n "$path" ] || list+=' -h --help -j --json -n --netns -s --socket -v --verbose --color -V --version'
	[ -n "$path" ] || [ "$prev" != help ] || list+=' exit output socket start'
	mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
}
complete -F _mcsecctl mcsecctl
