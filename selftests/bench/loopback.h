/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real mcsecd on loopback, where every peer can have an address of its own, and
 * members that are engines of ike/ in this process.
 */
#ifndef BENCH_LOOPBACK_H
#define BENCH_LOOPBACK_H

#include <stdint.h>
#include <sys/types.h>

#include "crypto/pki.h"
#include "ike/engine.h"
#include "lib/timer.h"

/* A peer may use this many ports. */
#define LO_PORTS 16
#define LO_SOCKS (2 * LO_PORTS)

struct lo_peer {
	struct ike_engine *engine;
	struct cert_chain *chain;
	struct pki_pair pair;
	struct ep from;
	uint64_t asked_ms; /* by lo_own_ms() */
	uint64_t in_ms; /* after so long it was registered; 0: not yet */
	struct ike_sa *sa;
	unsigned int registered;
	unsigned int refused;
	unsigned int up;
};

struct lo {
	char dir[32]; /* the daemon's files */
	struct timerq tq;
	struct pki_pair ca, other_ca;
	struct trust *trust;
	struct ep server;
	pid_t pid; /* the daemon's */
	/*
	 * There is one socket per port, and the source address is given
	 * when sending.
	 */
	struct {
		int fd;
		uint16_t port;
		struct ike_engine *engine; /* gets what comes; or by address */
	} socks[LO_SOCKS];
	unsigned int n_socks;
	/*
	 * All members of a crowd share a socket; the index is in the address
	 * 127.x.a.b.
	 */
	struct lo_peer **crowd;
	unsigned int n_crowd;
	uint32_t rexmit_ms; /* peers wait so long first; 0: as usual */
};

extern struct lo lo;

/* Make the folder and the authorities; all of it goes when the program ends. */
void lo_begin(const char *server);
/*
 * Start mcsecd with one group "video", for *.member.example, and wait until it
 * answers. @gcks and @group are more settings of the key server and of the group.
 */
void lo_start(const char *gcks, const char *group);

uint64_t lo_now_ms(void);
/*
 * A clock that stands still while this program or the key server waits for a
 * CPU: the machine's other work is not what is measured.
 */
uint64_t lo_own_ms(void);
/* Return a counter of mcsecctl status, or -1 without an answer. */
long long lo_counter(const char *name);
/* Return the daemon's CPU time, and the memory that is resident in octets. */
uint64_t lo_cpu_ns(void);
uint64_t lo_resident(void);

/* Make a peer with a certificate of @by, or end it without a word. */
struct lo_peer *lo_peer_new(const struct pki_pair *by, const char *name);
void lo_peer_free(struct lo_peer *p);
/* Open a socket for @engine; NULL: for the crowd. */
void lo_socket_new(struct ike_engine *engine);
/* Send as 127.a.b.c from the socket with that index. */
void lo_from_addr(struct lo_peer *p, unsigned int a, unsigned int b,
		  unsigned int c, unsigned int sock);
/* Register: over a new IKE SA, or again over that of the peer. */
void lo_ask(struct lo_peer *p);
void lo_ask_again(struct lo_peer *p);
/* Handle datagrams and timers of all peers for at least @ms. */
void lo_run(unsigned int ms);

#endif
