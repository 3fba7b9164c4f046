// SPDX-License-Identifier: Apache-2.0
/*
 * Registrations with the real mcsecd on loopback: full handshakes with certificates,
 * of newcomers and then of the same hosts as members, and members that ask again over
 * their IKE SAs. The ceiling is what the cryptography of a handshake takes by itself,
 * in the same run. IKE SAs are resumed by their tickets in between.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "keyserver.h"
#include "loopback.h"
#include "tap.h"

#define SERVER "127.0.0.1:18849"
/* Members that wait for an answer in the same moment. */
#define WINDOW 1024
/* A batch of joins waits for the one before it. */
#define PATIENCE_MS 120000
#define CEILING_ROUNDS 400
/* Longer than the time in which an unchanged registration is not stored again. */
#define STORED_MS 11000

static void must(bool good)
{
	if (!good)
		bail("the ceiling could not be measured");
}

static EVP_PKEY *make_key(const char *type)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, type);

	must(key);
	return key;
}

/* One key pair and one shared secret. */
static void exchange_once(EVP_PKEY *peer)
{
	EVP_PKEY *own = make_key("X25519");
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	unsigned char out[32];
	size_t len = sizeof(out);

	must(ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	     EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	     EVP_PKEY_derive(ctx, out, &len) == 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(own);
}

static void sign_once(EVP_PKEY *key, const unsigned char *msg, size_t n,
		      unsigned char sig[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = 64;

	must(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestSign(ctx, sig, &len, msg, n) == 1);
	EVP_MD_CTX_free(ctx);
}

static void verify_once(EVP_PKEY *key, const unsigned char *msg, size_t n,
			const unsigned char sig[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestVerify(ctx, sig, 64, msg, n) == 1);
	EVP_MD_CTX_free(ctx);
}

static double ceiling_us(void)
{
	EVP_PKEY *peer = make_key("X25519"), *key = make_key("ED25519");
	static const unsigned char msg[512];
	unsigned char sig[64];
	double us = ks_cpu_us();
	unsigned int i;

	for (i = 0; i < CEILING_ROUNDS; i++) {
		exchange_once(peer);
		sign_once(key, msg, sizeof(msg), sig);
		verify_once(key, msg, sizeof(msg), sig);
		verify_once(key, msg, sizeof(msg), sig);
	}
	us = (ks_cpu_us() - us) / CEILING_ROUNDS;
	EVP_PKEY_free(peer);
	EVP_PKEY_free(key);
	return us;
}

static unsigned int count_in(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < lo.n_crowd; i++)
		n += lo.crowd[i]->in_ms != 0;
	return n;
}

/* Let every member ask, WINDOW of them at once. Returns the daemon's CPU for one. */
static double ask_all(void (*ask)(struct lo_peer *p))
{
	uint64_t end, ns = lo_cpu_ns();
	unsigned int asked = 0, in = 0, i;

	for (i = 0; i < lo.n_crowd; i++)
		lo.crowd[i]->in_ms = 0;
	end = lo_now_ms() + PATIENCE_MS;
	while (in < lo.n_crowd && lo_now_ms() < end) {
		for (; asked < lo.n_crowd && asked < in + WINDOW; asked++) {
			ask(lo.crowd[asked]);
			if (asked % 32 == 31)
				lo_run(1);
		}
		lo_run(20);
		in = count_in();
	}
	if (in < lo.n_crowd)
		bail("%u of %u members are in", in, lo.n_crowd);
	return (double)(lo_cpu_ns() - ns) / 1e3 / lo.n_crowd;
}

void ks_registrations(unsigned int members)
{
	double ceiling = ceiling_us(), first, resumed, second, again, at_once;
	uint64_t resident;
	char name[64];
	unsigned int i;

	lo_begin(SERVER);
	lo.rexmit_ms = 30000;
	lo_start("max-sas = 100000;", "");
	lo_socket_new(NULL);
	lo.crowd = calloc(members, sizeof(*lo.crowd));
	for (i = 0; i < members; i++) {
		snprintf(name, sizeof(name), "n%u.member.example", i);
		lo.crowd[i] = lo_peer_new(&lo.ca, name);
		lo_from_addr(lo.crowd[i], 3, i >> 8, i & 0xff, 0);
	}
	lo.n_crowd = members;
	resident = lo_resident();
	first = ask_all(lo_ask);
	resident = lo_resident() - resident;
	resumed = ask_all(lo_ask);
	if (lo_counter("resumed") != members)
		bail("%lld IKE SAs were resumed", lo_counter("resumed"));
	for (i = 0; i < members; i++)
		/* No keys are what they were, so that a member begins anew. */
		ike_engine_set_psks(lo.crowd[i]->engine, NULL);
	second = ask_all(lo_ask);
	lo_run(STORED_MS);
	again = ask_all(lo_ask_again);
	at_once = ask_all(lo_ask_again);
	ceiling = (ceiling + ceiling_us()) / 2;
	ks_put(&(struct ks_row){
		.bench = "ceiling", .members = members, .cpu_us = ceiling });
	ks_put(&(struct ks_row){ .bench = "registration",
				 .members = members,
				 .cpu_us = first,
				 .bytes = (double)resident / members,
				 .ratio = ceiling / first });
	ks_put(&(struct ks_row){ .bench = "resumed registration",
				 .members = members,
				 .cpu_us = resumed,
				 .ratio = first / resumed });
	ks_put(&(struct ks_row){ .bench = "registration of a member",
				 .members = members,
				 .cpu_us = second,
				 .ratio = ceiling / second });
	ks_put(&(struct ks_row){ .bench = "asking again",
				 .members = members,
				 .cpu_us = again,
				 .ratio = first / again });
	ks_put(&(struct ks_row){ .bench = "asking again at once",
				 .members = members,
				 .cpu_us = at_once,
				 .ratio = first / at_once });
}
