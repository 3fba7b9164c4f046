/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key server and up to SIM_MAX members in one process: a clock that jumps
 * from event to event, a network that delays, loses (one by one, in bursts, or
 * by IP fragment), repeats and reorders as it is told, a real store in a file,
 * mock kernels. The key server can be killed at any datagram and at either side
 * of any commit.
 */
#ifndef GROUP_SIM_H
#define GROUP_SIM_H

#include <sys/queue.h>

#include "crypto/cert.h"
#include "crypto/hash.h"
#include "crypto/pki.h"
#include "gcks/gcks.h"
#include "lib/err.h"
#include "lib/timer.h"
#include "member/member.h"
#include "mock_kernel.h"

#define SIM_MAX 1200
#define SIM_WIRE 8192
#define SIM_KEYS 4096

/* Abort for an error of the test itself or of the machine. */
#define SIM_DIE(...) \
	do { \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr); \
		exit(1); \
	} while (0)

struct sim;

struct sim_packet {
	TAILQ_ENTRY(sim_packet) all;
	uint64_t at_ms;
	struct ep from;
	struct ep to;
	int member; /* receiver of a multicast copy; -1: unicast */
	bool served; /* the key server has found time for it */
	size_t len;
	uint8_t p[];
};

struct sim_member {
	struct sim *s;
	int i;
	char name[64];
	struct conf_mgroup cg;
	struct conf_member conf;
	struct pki_pair cert;
	struct cert_chain *chain;
	struct trust *trust;
	const struct psks *psks; /* the test's; NULL: by certificate */
	struct ep ep;
	struct mock_kernel mk;
	bool up;
	bool listens;
	int join_errno; /* no rekey address can be joined */
	int ifindex; /* where it is joined; 0: unknown */
	bool no_carrier; /* on that interface */
	uint32_t port; /* below that interface; 0: none is */
	char interface[16]; /* where it last joined a rekey address */
	/* Digests of keys, which mcsecd keeps over a restart. */
	struct sim_note {
		uint32_t spi; /* 0: free */
		uint8_t digest[HASH_SHA256_LEN];
	} note[MOCK_SAS + 1]; /* one before its SA is there */
	bool deaf; /* loses every GSA_REKEY */
	bool mute; /* loses all but GSA_REKEYs and packets */
	bool offline; /* loses whatever comes or goes */
	uint64_t bad_ms; /* the next change of @bad, with sim.burst_ms */
	bool bad; /* the link is in a burst of losses */
	uint64_t told_ms; /* when an unknown SPI was last told */
	struct ike_engine *engine;
	struct member *m;
	/* The stream as the member receives it. */
	uint64_t expect; /* number of the next packet; 0: none yet */
	uint64_t got;
	uint64_t gaps; /* packets missed since the first */
	uint64_t last_gap_ms; /* when it missed the last one */
	unsigned int n_reported; /* memberships of the rekey address */
	unsigned int n_told; /* messages about a Data SA not confirmed */
	/* The last refusal. */
	uint16_t notify;
	char text[256];
};

/* One GSA_REKEY that was sent. */
struct sim_wire {
	uint8_t hdr[28];
	unsigned int fragment; /* the number; 0: none */
	uint8_t iv[8];
	uint64_t digest;
	uint64_t at_ms;
	unsigned int copies;
};

/* A key with which the stream was encrypted. */
struct sim_key {
	uint8_t key[KSA_KEY_MAX];
	uint64_t first_ms;
	uint64_t last_ms;
};

enum sim_crash {
	SIM_NO_CRASH,
	SIM_BEFORE_COMMIT,
	SIM_AFTER_COMMIT, /* before anybody is told of it */
	SIM_AFTER_COMPLETION,
	SIM_AT_SEND,
};

TAILQ_HEAD(sim_queue, sim_packet);

struct sim {
	uint64_t ms;
	int64_t wall0;
	struct clock clock;
	struct timerq tq;
	char dir[64];
	char path[96];
	struct sealer *sealer;
	struct store *store;
	char witness_path[112];
	struct store *witness;
	bool no_witness; /* the key server is started without one */

	struct conf_gcks conf;
	struct conf_group cg;
	struct pki_pair ca, cert;
	struct cert_chain *chain;
	struct trust *trust;
	struct ep ep;
	struct gcks *gcks;
	struct ike_engine *engine;
	bool gcks_up;

	const struct psks *psks; /* the key server's, owned by the test */

	struct sim_member *m[SIM_MAX];
	int n;

	struct sim_queue queue;
	uint64_t seed;
	unsigned int loss; /* percent of datagrams, each receiver */
	/*
	 * If not 0, losses occur in bursts of this mean length, with the rate
	 * that loss gives: all datagrams of a burst, or with by_fragment half
	 * of the fragments.
	 */
	unsigned int burst_ms;
	int send_errno; /* no GSA_REKEY can be sent */
	bool by_fragment; /* loss is of each IP fragment of 1500 octets */
	unsigned int dup; /* percent */
	unsigned int jitter_ms; /* 1 + at most so late */
	/* Return true if this member loses this copy. */
	bool (*drop)(struct sim *s, struct sim_member *m, const uint8_t *p,
		     size_t len);
	void *drop_arg;
	/* Sees each message once when it is sent, even if it is lost; or NULL. */
	void (*on_wire)(struct sim *s, const struct ep *from,
			const struct ep *to, const uint8_t *p, size_t len);
	/*
	 * The callback may alter the answer of the key server, or act before
	 * it.
	 */
	void (*answer)(struct sim *s, struct sim_member *m, struct gsa *gsa,
		       struct kd *kd);

	/* The callback may alter a GSA_INBAND_REKEY that has arrived. */
	void (*inband)(struct sim *s, struct sim_member *m,
		       struct gike_inband *msg);

	/*
	 * If not 0, each handshake takes the key server so long, one after the
	 * other, and a third of it for IKE_SA_INIT.
	 */
	unsigned int handshake_us;
	int64_t cert_s; /* certificates from now on last so long; 0: a year */
	/*
	 * Members move over their IKE SAs, if their conf.local is unspecified: to
	 * another @ep, of which member_link_event() tells them.
	 */
	bool mobike;
	bool real_limits; /* Limits of half-open SAs and cookies, as in mcsecd. */
	uint64_t busy_us; /* until then */

	/* Parameters for killing the key server. */
	enum sim_crash crash;
	unsigned int crash_in; /* counts commits or datagrams down */
	bool crashed;
	int store_errno; /* commits fail so */
	const char *store_unread; /* lists of keys below it fail with -EIO */
	/* Number of commits that are reported as failed, and are on the disk. */
	unsigned int store_lies;
	/*
	 * If not 0, the store takes so long for a submitted change, and as long
	 * again for its completion. SIM_STORE_MS in the environment sets it for
	 * all tests.
	 */
	unsigned int store_ms;
	unsigned int commits;
	unsigned int changes; /* a group's, those that failed too */
	unsigned int sends;

	/* All packets that were sent. */
	struct sim_wire wire[SIM_WIRE];
	unsigned int n_wire;
	unsigned int iv_repeats; /* same SPI and Message ID, others octets */

	/* The stream. */
	int sender; /* -1: none */
	unsigned int every_ms;
	struct timer tick;
	uint64_t n_sent;
	uint64_t n_unsent; /* there was no SA to send with */
	struct mock_packet last;
	struct sim_key key[SIM_KEYS];
	unsigned int n_keys;

	char log[65536]; /* lines at info and worse */
	size_t log_len;
};

/*
 * Group "video": s, s2, s3.example and *.send.example may send, and all of
 * example may receive.
 */
void sim_init(struct sim *s, uint64_t seed);
/* The same with periodic rekeys so rare that a test need not count them. */
void sim_init_rare(struct sim *s, uint64_t seed);
void sim_free(struct sim *s);
/*
 * Add a member with a certificate of the CA, or of another one, without
 * starting it.
 */
struct sim_member *sim_add(struct sim *s, const char *name, bool send,
			   bool receive);
struct sim_member *sim_add_stranger(struct sim *s, const char *name);
void sim_up(struct sim_member *m);
/* Kill the member as kill -9 does: its kernel keeps its state. */
void sim_down(struct sim_member *m);

/* group_sim_order.c: the simulation in which orders run. */
void sim_order_init(struct sim *s);
/*
 * Orders of an administrator, which wait for their completion. @k is the key
 * server of the newest simulation. Returns 0 or -errno with one line in @err.
 */
int sim_evict(struct gcks *k, const char *group, const char *identity,
	      uint32_t *effective_ms, struct err *err);
int sim_evict_ahead(struct gcks *k, const char *group, const char *identity,
		    uint32_t *effective_ms, struct err *err);
int sim_admit(struct gcks *k, const char *group, const char *identity,
	      struct err *err);
int sim_rekey(struct gcks *k, const char *group, struct err *err);
int sim_renew_signing_key(struct gcks *k, const char *group, struct err *err);
int sim_reset(struct gcks *k, const char *group, struct err *err);
/* Change to the current s->conf, as by SIGHUP. Returns 0 or -errno. */
int sim_reload(struct sim *s, struct err *err);

/* Open store and witness for sim_gcks_up(). */
void sim_store_up(struct sim *s);
/*
 * Copy the file of a store and its log, even if the store is open. An existing
 * @to is replaced, and removed if @from does not exist.
 */
void sim_copy_store(const char *from, const char *to);
void sim_gcks_up(struct sim *s);
void sim_gcks_down(struct sim *s);

/* group_sim_net.c: callbacks of both sides, and a datagram that arrives. */
void sim_gcks_send(void *ctx, const struct ep *from, const struct ep *to,
		   const uint8_t *p, size_t len);
void sim_member_send(void *ctx, const struct ep *from, const struct ep *to,
		     const uint8_t *p, size_t len);
int sim_send_rekey(void *ctx, const struct gcks_dest *dest, const uint8_t *p,
		   size_t len);
/*
 * Return true if a datagram of @len octets is lost on the link of @m; NULL has
 * no losses in bursts.
 */
bool sim_lost(struct sim *s, struct sim_member *m, size_t len);
/* Returns false if the datagram is queued again. */
bool sim_deliver(struct sim *s, struct sim_packet *q);

/* Let @ms pass, with all events in that time. */
void sim_run(struct sim *s, uint64_t ms);
/* Run until all started members are in. Returns false after @ms. */
bool sim_settle(struct sim *s, uint64_t ms);

void sim_stream(struct sim *s, struct sim_member *m, unsigned int every_ms);
void sim_stream_stop(struct sim *s);

struct member_group_status sim_status(const struct sim_member *m);
bool sim_in(const struct sim_member *m);
struct gcks_group_status sim_group(const struct sim *s);
bool sim_has_member(const struct sim *s, const char *identity);
/* Count members that are up and in, and have the keys of the key server. */
unsigned int sim_out_of_step(const struct sim *s);
/* Count members that were up from the first packet on and missed one. */
uint64_t sim_gaps(const struct sim *s);
/* Count the keys of packets sent before (after) @ms that @m ever had. */
unsigned int sim_reads_before(const struct sim *s, const struct sim_member *m,
			      uint64_t ms);
unsigned int sim_reads_after(const struct sim *s, const struct sim_member *m,
			     uint64_t ms);
/* Count log lines that contain @what. */
unsigned int sim_log_count(const struct sim *s, const char *what);
bool sim_logged(const struct sim *s, const char *text);
unsigned int sim_audited(const struct sim *s, const char *event,
			 const char *identity, const char *detail);
uint32_t sim_random(struct sim *s, uint32_t n);

/*
 * Let SIM_STORE_MS be at most so much in a test of exact times: with a slow store ATD is
 * longer by whole seconds, and all changes are later.
 */
void sim_limit_store(unsigned int most_ms);
/*
 * Start a key server, the sender "s.example" and @receivers receivers
 * "r0.example" and so on, all of them in and idle. Returns the sender, or NULL
 * if not all came in.
 */
struct sim_member *sim_start_receivers(struct sim *s, uint64_t seed,
				       int receivers);

/* A member that a test begins with. */
struct sim_who {
	const char *identity;
	bool send;
	bool receive;
	bool later; /* added, and started by the test */
};

/*
 * Starts a key server and @n members, after sim_init() and the settings of a test:
 * they are s->m[0] and so on, all in, and at rest for @rest_ms. @every_ms: the first
 * has sent a packet that often for a second; 0: none.
 */
void sim_start(struct sim *s, const struct sim_who *who, unsigned int n,
	       unsigned int rest_ms, unsigned int every_ms);

/* The group that most tests begin with. */
struct sim_three {
	struct sim_member *tx; /* "s.example", which sends */
	struct sim_member *a; /* "a.example" and "b.example" receive */
	struct sim_member *b;
};

/* Like sim_start(), for these. @tx_receives: the sender does, too. */
struct sim_three sim_start_three(struct sim *s, bool tx_receives,
				 unsigned int rest_ms, unsigned int every_ms);

#endif
