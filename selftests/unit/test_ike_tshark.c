// SPDX-License-Identifier: Apache-2.0
/*
 * With exported keys tshark decrypts a registration: an independent
 * implementation. The test needs tshark.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/sign.h"
#include "ike_net.h"
#include "lib/log.h"
#include "tap.h"

static struct net net;
static struct pki_pair ca;
static struct node *g, *m;
static char dir[200];

static void put16(FILE *f, uint16_t v)
{
	uint16_t be = htons(v);

	fwrite(&be, 2, 1, f);
}

/* The pcap link type is 101: IPv4 packets. */
static FILE *pcap_open(const char *path)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0,
					 0,	     65535,	  101 };
	FILE *f = fopen(path, "w");

	if (!f) {
		perror(path);
		exit(1);
	}
	fwrite(head, sizeof(head), 1, f);
	return f;
}

static void pcap_packet(FILE *f, const struct packet *q)
{
	static uint32_t sec;
	uint32_t len = 28 + q->len;
	const uint32_t head[] = { ++sec, 0, len, len };

	fwrite(head, sizeof(head), 1, f);
	fwrite("\x45\0", 2, 1, f);
	put16(f, len);
	fwrite("\0\0\0\0\x40\x11\0\0", 8, 1, f);
	fwrite(q->from.addr.b, 4, 1, f);
	fwrite(q->to.addr.b, 4, 1, f);
	put16(f, q->from.port);
	put16(f, q->to.port);
	put16(f, 8 + q->len);
	put16(f, 0);
	fwrite(q->p, q->len, 1, f);
}

/* A registration, another group, a leave: all packets on the wire. */
static void record(const char *path)
{
	FILE *f = pcap_open(path);
	struct gike_req req;
	struct ike_sa *sa;

	sa = node_join(m, g, "gcks.example", true);
	group_req(&req, "audio", false);
	ike_register_more(sa, &req);
	ike_leave(sa, &req.idg);
	while (net.n_queue) {
		pcap_packet(f, &net.queue[0]);
		net_step(&net);
	}
	fclose(f);
	is_int(m->seen.registered, 2, "two groups registered");
	is_int(m->seen.left, 1, "one left");
}

static void table(const char *line)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/wireshark", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/wireshark/ikev2_decryption_table",
		 dir);
	f = fopen(path, "w");
	fprintf(f, "%s\n", line);
	fclose(f);
}

/* Count lines of tshark's output that contain @what. */
static unsigned int count(const char *file, const char *what)
{
	char line[4096];
	unsigned int n = 0;
	FILE *f = fopen(file, "r");

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, what);
	if (f)
		fclose(f);
	return n;
}

static void judge(const char *name, uint16_t bits)
{
	static struct sa_pld sa;
	struct ike_engine_cfg cfg = { .export_keys = (void *)1,
				      .proposals = &sa };
	struct pki_opt opt = { .kind = PKI_GCKS,
			       .dns = "gcks.example",
			       .ca = &ca };
	char cmd[1024], pcap[256], said[256];
	struct proposal *p;

	memset(&sa, 0, sizeof(sa));
	p = proposal_add(&sa, 1, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, bits);
	proposal_put(p, IKE_TT_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	proposal_put(p, IKE_TT_KE, IKE_KE_X25519, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_128, 0);
	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	g = node_new(&net, "192.0.2.1", &opt, &ca, NULL);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2", &opt, &ca, &cfg);
	snprintf(pcap, sizeof(pcap), "%s/ike.pcap", dir);
	snprintf(said, sizeof(said), "%s/said", dir);
	record(pcap);
	table(m->seen.line);
	snprintf(cmd, sizeof(cmd),
		 "XDG_CONFIG_HOME=%s tshark -r %s -V >%s 2>/dev/null", dir,
		 pcap, said);
	is_int(system(cmd), 0, "%s: tshark reads it", name);
	is_int(count(said, "Decrypted Data"), 6, "%s: six messages decrypted",
	       name);
	is_int(count(said, "[correct]"), 6, "%s: six ICVs verified", name);
	is_int(count(said, "Payload: Identification - Initiator (35)"), 1,
	       "%s: IDi is there", name);
	ok(count(said, "a.example"), "%s: IDi says whose it is", name);
	is_int(count(said, "Payload: Group Security Association (51)"), 2,
	       "%s: two GSA", name);
	is_int(count(said, "Payload: Key Download (52)"), 2, "%s: two KD",
	       name);
	is_int(count(said, "Malformed"), 0, "%s: nothing is malformed", name);

	/* With other keys nothing can be read. */
	m->seen.line[40] = m->seen.line[40] == '0' ? '1' : '0';
	table(m->seen.line);
	is_int(system(cmd), 0, "%s: tshark with a wrong key", name);
	ok(count(said, "[correct]") < 6, "%s: verifies less", name);
	net_free(&net);
	pki_pair_free(&ca);
}

int main(void)
{
	char cmd[256];

	if (system("tshark --version >/dev/null 2>&1")) {
		puts("1..0 # SKIP tshark is not installed");
		return 4;
	}
	log_init("test", LOG_LEVEL_ERR, true);
	snprintf(dir, sizeof(dir), "%s/mcsec-tshark-XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	RUN(judge, "AES-GCM-256", 256);
	RUN(judge, "AES-GCM-128", 128);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		return 1;
	return done();
}
