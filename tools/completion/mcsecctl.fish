# SPDX-License-Identifier: Apache-2.0
# Made by tools/completion/generate.py from the tables of mcsecctl; not to be edited.

function __mcsecctl_groups
	begin; mcsecctl -j group show; mcsecctl -j status; end 2>/dev/null |
		string match -arg '"name":"([^"]*)"'
end

# The words before the cursor without options, and without help at the start
function __mcsecctl_words
	set -l skip 0
	set -l n 0
	for word in (commandline -opc)[2..]
		if test $skip = 1
			set skip 0
		else if contains -- $word -n --netns -s --socket --color
			set skip 1
		else if not string match -q -- '-*' $word
			test $n = 0 -a $word = help; or echo $word
			set n 1
		end
	end
end

# COMMAND...: are these the words, with any others behind them?
function __mcsecctl_at
	set -l words (__mcsecctl_words)
	set -l n (count $argv)
	test (count $words) -ge $n; or return 1
	test $n = 0; or test "$words[1..$n]" = "$argv"
end

# NUMBER COMMAND...: are these the words, and as many others behind them?
function __mcsecctl_arg
	set -l words (__mcsecctl_words)
	test (count $words) = (math (count $argv) - 1 + $argv[1])
	and __mcsecctl_at $argv[2..]
end

# WORD...: is the last word none of these, each of which takes a value?
function __mcsecctl_free
	not contains -- (commandline -opc)[-1] $argv
end

# NUMBER COMMAND...: are these the words, and as many others or more behind them?
function __mcsecctl_past
	set -l words (__mcsecctl_words)
	test (count $words) -ge (math (count $argv) - 1 + $argv[1])
	and __mcsecctl_at $argv[2..]
end

complete -c mcsecctl -f

complete -c mcsecctl -n '__mcsecctl_arg 0' -s h -l help -d 'print help'
complete -c mcsecctl -n '__mcsecctl_arg 0' -s j -l json -d 'answer in JSON'
complete -c mcsecctl -n '__mcsecctl_arg 0' -s n -l netns -d 'network namespace' -x -a '(ls /run/netns 2>/dev/null)'
complete -c mcsecctl -n '__mcsecctl_arg 0' -s s -l socket -d 'socket of the daemon' -r
complete -c mcsecctl -n '__mcsecctl_arg 0' -s v -l verbose -d 'print all there is'
complete -c mcsecctl -n '__mcsecctl_arg 0' -l color -d 'always, never or auto' -x -a 'always never auto'
complete -c mcsecctl -n '__mcsecctl_arg 0' -s V -l version -d 'print the version'
complete -c mcsecctl -n 'contains -- (commandline -opc)[-1] help' -a 'exit output socket start'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a group -d 'groups, whose traffic is protected'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a sa -d 'SAs (keys) of a group, manually'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a sender -d 'senders of a receiving SA'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a edge -d 'unicast paths of a group, between hosts without multicast'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a show -d 'all groups and their SAs'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a stats -d 'counters that are not zero, or all'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a metrics -d 'list of all metrics with descriptions, or their values'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a monitor -d 'print events of the module'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a watch -d 'print events of the module and of mcsecd, with their time'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a top -d 'rates, drops and key age of each group, live on a terminal'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a tree -d 'who is in which group, and in what state'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a batch -d 'execute many of the above, one per line'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a key -d 'make a random key'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a pki -d 'make certificates, and bring them to members'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a setup -d 'write the first configuration of a host'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a doctor -d 'check this host for a configuration, without mcsecd'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a health -d 'what is wrong, and what to do'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a status -d 'state of the daemon and of its groups'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a member -d 'members of a group, at its key server'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a rekey -d 'change the keys now, at the key server'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a reset -d 'let all members register again, after a theft'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a reload -d 'read the daemon\'s configuration again'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a reseal -d 'change the seal key of the store'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a evict -d 'evict a member, at the key server'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a admit -d 'admit an evicted identity again'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a policy -d 'policies that a quorum of administrators signs'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a audit -d 'audit trail of the key server'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a join -d 'register again, at a member'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a leave -d 'leave a group, at a member'
complete -c mcsecctl -n '__mcsecctl_arg 0' -a help -d 'print help on a command or topic'
complete -c mcsecctl -n '__mcsecctl_arg 0 group' -a 'add set del show flush'
complete -c mcsecctl -n '__mcsecctl_past 2 group add; and __mcsecctl_free src proto sport dport mark in-mark dev policy' -a 'src proto sport dport mark in-mark dev policy forward'
complete -c mcsecctl -n '__mcsecctl_at group add; and not __mcsecctl_free policy' -a 'enforce observe'
complete -c mcsecctl -n '__mcsecctl_arg 0 group set' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 group set; and __mcsecctl_free policy' -a 'policy --force'
complete -c mcsecctl -n '__mcsecctl_at group set; and not __mcsecctl_free policy' -a 'enforce observe'
complete -c mcsecctl -n '__mcsecctl_arg 0 group del' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 group del; and __mcsecctl_free ' -a '--force'
complete -c mcsecctl -n '__mcsecctl_arg 0 group show' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 0 group flush; and __mcsecctl_free ' -a '--force'
complete -c mcsecctl -n '__mcsecctl_arg 0 sa' -a 'add set del show flush'
complete -c mcsecctl -n '__mcsecctl_arg 0 sa add' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 sa add; and __mcsecctl_free spi alg key-file mode sid-bits sender-id replay window max-senders iv-limit key dir soft-time hard-time soft-packets hard-packets soft-bytes hard-bytes' -a 'spi alg key-file key-stdin mode sid-bits sender-id replay window max-senders iv-limit key dir select soft-time hard-time soft-packets hard-packets soft-bytes hard-bytes'
complete -c mcsecctl -n '__mcsecctl_at sa add; and not __mcsecctl_free alg' -a 'aes-gcm-16 aes-gmac chacha20-poly1305'
complete -c mcsecctl -n '__mcsecctl_at sa add; and not __mcsecctl_free key-file' -F
complete -c mcsecctl -n '__mcsecctl_at sa add; and not __mcsecctl_free mode' -a 'transport tunnel'
complete -c mcsecctl -n '__mcsecctl_at sa add; and not __mcsecctl_free sid-bits' -a '8 12 16'
complete -c mcsecctl -n '__mcsecctl_at sa add; and not __mcsecctl_free replay' -a 'iv seq none'
complete -c mcsecctl -n '__mcsecctl_at sa add; and not __mcsecctl_free dir' -a 'in out inout'
complete -c mcsecctl -n '__mcsecctl_arg 0 sa set' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 2 sa set; and __mcsecctl_free dir soft-time hard-time soft-packets hard-packets soft-bytes hard-bytes' -a 'dir select soft-time hard-time soft-packets hard-packets soft-bytes hard-bytes'
complete -c mcsecctl -n '__mcsecctl_at sa set; and not __mcsecctl_free dir' -a 'in out inout'
complete -c mcsecctl -n '__mcsecctl_arg 0 sa del' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 0 sa show' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 2 sa show; and __mcsecctl_free ' -a '-v'
complete -c mcsecctl -n '__mcsecctl_arg 0 sa flush' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 0 sender' -a 'add set del show'
complete -c mcsecctl -n '__mcsecctl_arg 0 sender add' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 3 sender add; and __mcsecctl_free name' -a 'name'
complete -c mcsecctl -n '__mcsecctl_arg 0 sender set' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 3 sender set; and __mcsecctl_free name' -a 'name'
complete -c mcsecctl -n '__mcsecctl_arg 0 sender del' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 0 sender show' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 0 edge' -a 'add set del show'
complete -c mcsecctl -n '__mcsecctl_arg 0 edge add' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 2 edge add; and __mcsecctl_free local peer senders mtu dev' -a 'local peer up down senders mtu dev'
complete -c mcsecctl -n '__mcsecctl_arg 0 edge set' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 2 edge set; and __mcsecctl_free peer senders mtu' -a 'peer up down senders mtu'
complete -c mcsecctl -n '__mcsecctl_arg 0 edge del' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 0 edge show' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 0 stats; and __mcsecctl_free ' -a '-a -v'
complete -c mcsecctl -n '__mcsecctl_arg 0 metrics' -a 'export serve'
complete -c mcsecctl -n '__mcsecctl_arg 0 metrics export' -F
complete -c mcsecctl -n '__mcsecctl_past 0 top; and __mcsecctl_free ' -a 'interval'
complete -c mcsecctl -n '__mcsecctl_arg 0 tree' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 0 batch; and __mcsecctl_free ' -a '-f force'
complete -c mcsecctl -n '__mcsecctl_arg 0 key' -a 'generate'
complete -c mcsecctl -n '__mcsecctl_arg 0 key generate' -a 'aes-gcm-16 aes-gmac chacha20-poly1305'
complete -c mcsecctl -n '__mcsecctl_past 1 key generate; and __mcsecctl_free bits file' -a 'bits file'
complete -c mcsecctl -n '__mcsecctl_at key generate; and not __mcsecctl_free bits' -a '128 256'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki' -a 'init gcks member bundle import request sign renew revoke list'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki init' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_past 1 pki init; and __mcsecctl_free name days type' -a 'name days type'
complete -c mcsecctl -n '__mcsecctl_at pki init; and not __mcsecctl_free type' -a 'ed25519 ecdsa-p256 ecdsa-p384 ml-dsa-44 ml-dsa-65 ml-dsa-87'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki gcks' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_past 2 pki gcks; and __mcsecctl_free dns ip email days type' -a 'dns ip email days type'
complete -c mcsecctl -n '__mcsecctl_at pki gcks; and not __mcsecctl_free type' -a 'ed25519 ecdsa-p256 ecdsa-p384 ml-dsa-44 ml-dsa-65 ml-dsa-87'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki member' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_past 2 pki member; and __mcsecctl_free dns ip email days type' -a 'dns ip email days type'
complete -c mcsecctl -n '__mcsecctl_at pki member; and not __mcsecctl_free type' -a 'ed25519 ecdsa-p256 ecdsa-p384 ml-dsa-44 ml-dsa-65 ml-dsa-87'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki bundle' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_past 2 pki bundle; and __mcsecctl_free file config gcks gcks-id passphrase-file' -a 'file config gcks gcks-id passphrase-file'
complete -c mcsecctl -n '__mcsecctl_at pki bundle; and not __mcsecctl_free file' -F
complete -c mcsecctl -n '__mcsecctl_at pki bundle; and not __mcsecctl_free config' -F
complete -c mcsecctl -n '__mcsecctl_at pki bundle; and not __mcsecctl_free passphrase-file' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 pki import' -F
complete -c mcsecctl -n '__mcsecctl_past 1 pki import; and __mcsecctl_free dir name config interface interfaces passphrase-file' -a 'dir name config interface interfaces forward keys-only replace passphrase-file'
complete -c mcsecctl -n '__mcsecctl_at pki import; and not __mcsecctl_free dir' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_at pki import; and not __mcsecctl_free config' -F
complete -c mcsecctl -n '__mcsecctl_at pki import; and not __mcsecctl_free passphrase-file' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 pki request' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_past 2 pki request; and __mcsecctl_free dns ip email type' -a 'dns ip email type replace'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki sign' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_arg 2 pki sign' -F
complete -c mcsecctl -n '__mcsecctl_past 3 pki sign; and __mcsecctl_free dns ip email days' -a 'dns ip email days gcks'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki renew' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_past 2 pki renew; and __mcsecctl_free days' -a 'days'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki revoke' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_past 2 pki revoke; and __mcsecctl_free days' -a 'days'
complete -c mcsecctl -n '__mcsecctl_arg 0 pki list' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_arg 0 setup' -a 'gcks both member'
complete -c mcsecctl -n '__mcsecctl_arg 0 setup gcks' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 setup gcks; and __mcsecctl_free listen group address protocol destination-port interfaces mode rekey-address senders receivers algorithm interface dir config state' -a 'listen group address protocol destination-port interfaces mode forward rekey-address senders receivers algorithm interface dir config state replace'
complete -c mcsecctl -n '__mcsecctl_at setup gcks; and not __mcsecctl_free mode' -a 'transport tunnel'
complete -c mcsecctl -n '__mcsecctl_at setup gcks; and not __mcsecctl_free dir' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_at setup gcks; and not __mcsecctl_free config' -F
complete -c mcsecctl -n '__mcsecctl_at setup gcks; and not __mcsecctl_free state' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_arg 0 setup both' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 setup both; and __mcsecctl_free listen group address protocol destination-port interfaces mode rekey-address senders receivers algorithm interface dir config state' -a 'listen group address protocol destination-port interfaces mode forward rekey-address senders receivers algorithm interface dir config state replace'
complete -c mcsecctl -n '__mcsecctl_at setup both; and not __mcsecctl_free mode' -a 'transport tunnel'
complete -c mcsecctl -n '__mcsecctl_at setup both; and not __mcsecctl_free dir' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_at setup both; and not __mcsecctl_free config' -F
complete -c mcsecctl -n '__mcsecctl_at setup both; and not __mcsecctl_free state' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_arg 0 setup member' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 setup member; and __mcsecctl_free gcks gcks-id group address protocol destination-port interfaces mode interface dir config' -a 'gcks gcks-id group address protocol destination-port interfaces mode forward send receive interface dir config replace'
complete -c mcsecctl -n '__mcsecctl_at setup member; and not __mcsecctl_free mode' -a 'transport tunnel'
complete -c mcsecctl -n '__mcsecctl_at setup member; and not __mcsecctl_free dir' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_at setup member; and not __mcsecctl_free config' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 doctor' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 health' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 health; and __mcsecctl_free ' -a '-v'
complete -c mcsecctl -n '__mcsecctl_arg 0 status' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 status; and __mcsecctl_free ' -a '-v'
complete -c mcsecctl -n '__mcsecctl_arg 0 member' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 member; and __mcsecctl_free ' -a '-v'
complete -c mcsecctl -n '__mcsecctl_arg 0 rekey' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 rekey; and __mcsecctl_free ' -a '--signing-key'
complete -c mcsecctl -n '__mcsecctl_arg 0 reset' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 0 reload; and __mcsecctl_free ' -a '--check'
complete -c mcsecctl -n '__mcsecctl_arg 0 evict' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 2 evict; and __mcsecctl_free ' -a '--ahead'
complete -c mcsecctl -n '__mcsecctl_arg 0 admit' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 0 policy' -a 'write sign check show order apply history rollback'
complete -c mcsecctl -n '__mcsecctl_arg 0 policy write' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 1 policy write' -F
complete -c mcsecctl -n '__mcsecctl_past 2 policy write; and __mcsecctl_free config' -a 'config'
complete -c mcsecctl -n '__mcsecctl_at policy write; and not __mcsecctl_free config' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 policy sign' -F
complete -c mcsecctl -n '__mcsecctl_past 1 policy sign; and __mcsecctl_free certificate key out' -a 'certificate key out'
complete -c mcsecctl -n '__mcsecctl_at policy sign; and not __mcsecctl_free certificate' -F
complete -c mcsecctl -n '__mcsecctl_at policy sign; and not __mcsecctl_free key' -F
complete -c mcsecctl -n '__mcsecctl_at policy sign; and not __mcsecctl_free out' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 policy check' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 policy show' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 policy show; and __mcsecctl_free version file' -a 'version file'
complete -c mcsecctl -n '__mcsecctl_at policy show; and not __mcsecctl_free file' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 policy order' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_past 1 policy order; and __mcsecctl_free hours' -a 'emergency hours evict admit'
complete -c mcsecctl -n '__mcsecctl_arg 0 policy apply' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 policy history' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 0 policy rollback' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 2 policy rollback' -F
complete -c mcsecctl -n '__mcsecctl_arg 0 audit' -a 'verify show tail after'
complete -c mcsecctl -n '__mcsecctl_past 0 audit verify; and __mcsecctl_free dir certificate from head' -a 'dir certificate from head'
complete -c mcsecctl -n '__mcsecctl_at audit verify; and not __mcsecctl_free dir' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_at audit verify; and not __mcsecctl_free certificate' -F
complete -c mcsecctl -n '__mcsecctl_past 0 audit show; and __mcsecctl_free dir group id event uid since until last' -a 'dir group id event uid since until last'
complete -c mcsecctl -n '__mcsecctl_at audit show; and not __mcsecctl_free dir' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_past 0 audit tail; and __mcsecctl_free dir group id event uid since until last' -a 'dir group id event uid since until last'
complete -c mcsecctl -n '__mcsecctl_at audit tail; and not __mcsecctl_free dir' -a '(__fish_complete_directories)'
complete -c mcsecctl -n '__mcsecctl_arg 0 join' -a '(__mcsecctl_groups)'
complete -c mcsecctl -n '__mcsecctl_arg 0 leave' -a '(__mcsecctl_groups)'
