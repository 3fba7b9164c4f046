// SPDX-License-Identifier: Apache-2.0
/*
 * Packets that an attacker without a key can send, for the tests.
 *
 *	attack replay -i IFACE [-g GROUP] [-s SOURCE] [-r RATE]
 *		CAPTURE...
 *	attack alter -f FROM -i IFACE -g GROUP [-O | -a KIND] [-n EACH]
 *		[-k SKIP]
 *	attack kinds
 *
 * replay sends every ESP packet of the captures again, from the host it runs
 * on, with SOURCE in place of the source address if given. alter is a man in
 * the middle: it watches ESP packets of a group on one interface and sends
 * altered copies out by another, past its queueing discipline: with a delay
 * there, the altered packet arrives before the genuine one, so that no replay
 * check can refuse it in the tag's stead. With -O it alters the outer header,
 * which transport mode leaves alone, and with -a only as KIND says; kinds lists
 * those, of the outer header last. What was sent goes to stdout as JSON.
 */
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"

#define ESP_IV 8
#define ESP_TAG 16

/* ---- sending ------------------------------------------------------------ */

struct out {
	int fd;
	struct sockaddr_ll to;
	uint8_t mac[6];
};

static void out_open(struct out *o, const char *iface)
{
	struct ifreq ifr = { 0 };
	int one = 1;

	o->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (o->fd < 0)
		die("packet socket");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", iface);
	if (ioctl(o->fd, SIOCGIFHWADDR, &ifr))
		die(iface);
	memcpy(o->mac, ifr.ifr_hwaddr.sa_data, 6);
	o->to.sll_family = AF_PACKET;
	o->to.sll_ifindex = if_nametoindex(iface);
	if (setsockopt(o->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
		       sizeof(one)))
		die("PACKET_QDISC_BYPASS");
}

static void fix_v4(struct packet *k)
{
	uint32_t s = 0;
	size_t i, n = (k->ip[0] & 15) * 4;

	k->ip[10] = 0;
	k->ip[11] = 0;
	for (i = 0; i < n; i += 2)
		s += get_unaligned_be16(k->ip + i);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	s = ~s;
	put_unaligned_be16(s, k->ip + 10);
}

/*
 * The frame of @k, with our MAC address. The receiver's stack drops a frame
 * from its own address, and one with a wrong header checksum.
 */
static void out_send(struct out *o, uint8_t *frame, struct packet *k)
{
	if (k->family == AF_INET) {
		put_unaligned_be16(k->len, k->ip + 2);
		fix_v4(k);
		frame[0] = 0x01;
		frame[1] = 0x00;
		frame[2] = 0x5e;
		frame[3] = k->dst[1] & 0x7f;
		frame[4] = k->dst[2];
		frame[5] = k->dst[3];
	} else {
		size_t pl = k->len - sizeof(struct ip6_hdr);

		put_unaligned_be16(pl, k->ip + 4);
		frame[0] = 0x33;
		frame[1] = 0x33;
		memcpy(frame + 2, k->dst + 12, 4);
	}
	memcpy(frame + 6, o->mac, 6);
	while (sendto(o->fd, frame, ETH_HLEN + k->len, 0,
		      (struct sockaddr *)&o->to, sizeof(o->to)) < 0) {
		struct timespec ts = { .tv_nsec = NSEC_PER_MSEC };

		if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die("send");
		nanosleep(&ts, NULL);
	}
}

static void set_ttl(struct packet *k, uint8_t ttl)
{
	k->ip[k->family == AF_INET ? 8 : 7] = ttl;
}

static int run_replay(char **names, int n, const struct filter *g,
		      const struct filter *source, const char *iface,
		      double rate)
{
	static uint8_t buf[FRAME_MAX];
	uint64_t sent = 0, step = rate > 0 ? 1e9 / rate : 0;
	struct timespec due;
	struct out o = { 0 };
	int i;

	out_open(&o, iface);
	clock_gettime(CLOCK_MONOTONIC, &due);
	for (i = 0; i < n; i++) {
		struct packet k;
		struct pcap p;
		size_t len;

		pcap_open(&p, names[i]);
		while ((len = pcap_next(&p, buf))) {
			if (!packet_parse(&k, buf, len) ||
			    k.proto != IPPROTO_ESP || !to_group(&k, g))
				continue;
			if (source->set && source->len == k.alen)
				memcpy(k.src, source->b, k.alen);
			set_ttl(&k, 16);
			out_send(&o, buf, &k);
			sent++;
			due.tv_nsec += step;
			while (due.tv_nsec >= (long)NSEC_PER_SEC) {
				due.tv_nsec -= NSEC_PER_SEC;
				due.tv_sec++;
			}
			if (step)
				clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
						&due, NULL);
		}
	}
	printf("{\"sent\":%" PRIu64 "}\n", sent);
	return 0;
}

/* ---- alter -------------------------------------------------------------- */

/* The changes of a packet, by the field that each is about. */
enum alteration {
	ALTER_SPI,
	ALTER_SEQ,
	ALTER_IV_SENDER,
	ALTER_IV_COUNTER,
	ALTER_IV_FAR,
	ALTER_CIPHERTEXT,
	ALTER_TRAILER,
	ALTER_TAG_FIRST,
	ALTER_TAG_LAST,
	ALTER_CUT_ONE,
	ALTER_CUT_TAG,
	ALTER_CUT_TO_IV,
	ALTER_CUT_TO_HEAD,
	ALTER_CUT_TO_SPI,
	ALTER_EMPTY,
	ALTER_LONGER,
	ALTER_SOURCE,
	ALTER_TTL,
	ALTER_DSCP,
	ALTERATIONS
};

/* The changes from here on concern the outer header. */
#define ALTER_OUTER ALTER_SOURCE

/* The kinds that are wanted, from first on. */
struct kinds {
	unsigned int first;
	unsigned int n;
};

static const char *const alteration_names[ALTERATIONS] = {
	"spi",	      "seq",	   "iv_sender",	  "iv_counter", "iv_far",
	"ciphertext", "trailer",   "tag_first",	  "tag_last",	"cut_one",
	"cut_tag",    "cut_to_iv", "cut_to_head", "cut_to_spi", "empty",
	"longer",     "source",	   "ttl",	  "dscp",
};

static bool kinds_parse(struct kinds *kinds, const char *name)
{
	unsigned int i;

	for (i = 0; i < ALTERATIONS; i++) {
		if (strcmp(alteration_names[i], name))
			continue;
		kinds->first = i;
		kinds->n = 1;
		return true;
	}
	return false;
}

static int run_kinds(void)
{
	unsigned int i;

	for (i = 0; i < ALTERATIONS; i++)
		puts(alteration_names[i]);
	return 0;
}

static void alter(struct packet *k, enum alteration what)
{
	uint8_t *e = k->ip + k->off;
	size_t len = k->len - k->off;

	switch (what) {
	case ALTER_SPI:
		put_unaligned_be32(get_unaligned_be32(e) ^ 0x00010000, e);
		break;
	case ALTER_SEQ:
		e[7] ^= 1;
		break;
	case ALTER_IV_SENDER:
		/*
		 * The highest bit makes a Sender-ID that nobody has. The one
		 * beside may be the same sender's, which has moved on from it.
		 */
		e[ESP_HEAD] ^= 0x80;
		break;
	case ALTER_IV_COUNTER:
		e[ESP_HEAD + 7] ^= 1;
		break;
	case ALTER_IV_FAR:
		/*
		 * The counter is far ahead, and would advance the window if it
		 * were accepted.
		 */
		e[ESP_HEAD + 4] ^= 0x40;
		break;
	case ALTER_CIPHERTEXT:
		e[ESP_HEAD + ESP_IV] ^= 0x80;
		break;
	case ALTER_TRAILER:
		e[len - ESP_TAG - 1] ^= 1;
		break;
	case ALTER_TAG_FIRST:
		e[len - ESP_TAG] ^= 1;
		break;
	case ALTER_TAG_LAST:
		e[len - 1] ^= 0x80;
		break;
	case ALTER_CUT_ONE:
		k->len--;
		break;
	case ALTER_CUT_TAG:
		k->len -= ESP_TAG;
		break;
	case ALTER_CUT_TO_IV:
		k->len = k->off + ESP_HEAD + ESP_IV;
		break;
	case ALTER_CUT_TO_HEAD:
		k->len = k->off + ESP_HEAD;
		break;
	case ALTER_CUT_TO_SPI:
		k->len = k->off + 4;
		break;
	case ALTER_EMPTY:
		k->len = k->off;
		break;
	case ALTER_LONGER:
		memset(k->ip + k->len, 0, 4);
		k->len += 4;
		break;
	case ALTER_SOURCE:
		k->src[k->alen - 1] ^= 0x40;
		break;
	case ALTER_TTL:
		set_ttl(k, 200);
		break;
	case ALTER_DSCP:
		k->ip[1] ^= 0xa0;
		break;
	case ALTERATIONS:
		break;
	}
}

static int run_alter(const char *from, const char *iface,
		     const struct filter *g, const struct kinds *kinds,
		     uint64_t each, unsigned int skip)
{
	static uint8_t buf[FRAME_MAX], copy[FRAME_MAX];
	uint64_t done[ALTERATIONS] = { 0 }, total = 0, watched = 0;
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	struct timeval tv = { .tv_sec = 10 };
	struct out o = { 0 };
	unsigned int i;
	int fd;

	out_open(&o, iface);
	/*
	 * The socket is bound before it receives, so it gets nothing from other
	 * interfaces.
	 */
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	ll.sll_protocol = htons(ETH_P_ALL);
	ll.sll_ifindex = if_nametoindex(from);
	if (fd < 0 || !ll.sll_ifindex ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		die(from);
	while (total < each * kinds->n) {
		struct packet k;
		ssize_t n = recv(fd, buf, sizeof(buf) - 64, 0);

		if (n < 0)
			bad(from, "no packet of the group in ten seconds");
		if (!packet_parse(&k, buf, n) || k.proto != IPPROTO_ESP ||
		    k.fragment || !to_group(&k, g) ||
		    k.len < k.off + ESP_HEAD + ESP_IV + ESP_TAG + 2)
			continue;
		if (watched++ % skip)
			continue;
		i = kinds->first + total % kinds->n;
		memcpy(copy, buf, n);
		packet_parse(&k, copy, n);
		set_ttl(&k, 8);
		alter(&k, i);
		out_send(&o, copy, &k);
		done[i]++;
		total++;
	}
	printf("{\"sent\":%" PRIu64, total);
	for (i = kinds->first; i < kinds->first + kinds->n; i++)
		printf(",\"%s\":%" PRIu64, alteration_names[i], done[i]);
	printf("}\n");
	return 0;
}

/* ------------------------------------------------------------------------ */

static void usage(void)
{
	fprintf(stderr,
		"usage: attack replay -i IFACE [-g GROUP] [-s SOURCE] [-r RATE] CAPTURE...\n"
		"       attack alter -f FROM -i IFACE -g GROUP [-O | -a KIND] [-n EACH] [-k SKIP]\n"
		"       attack kinds\n");
	exit(2);
}

int main(int argc, char **argv)
{
	const char *verb, *iface = NULL, *from = NULL;
	struct filter group = { 0 }, source = { 0 };
	struct kinds kinds = { .n = ALTER_OUTER };
	unsigned int skip = 1;
	uint64_t each = 10;
	double rate = 0;
	int c, n;

	if (argc < 2)
		usage();
	verb = argv[1];
	argv++;
	argc--;
	while ((c = getopt(argc, argv, "g:i:s:r:f:n:k:a:O")) != -1) {
		switch (c) {
		case 'g':
			filter_parse(&group, optarg);
			break;
		case 'i':
			iface = optarg;
			break;
		case 's':
			filter_parse(&source, optarg);
			break;
		case 'r':
			rate = atof(optarg);
			break;
		case 'f':
			from = optarg;
			break;
		case 'n':
			each = strtoull(optarg, NULL, 10);
			break;
		case 'O':
			kinds.first = ALTER_OUTER;
			kinds.n = ALTERATIONS - ALTER_OUTER;
			break;
		case 'a':
			if (!kinds_parse(&kinds, optarg))
				bad(optarg, "is no kind, see \"attack kinds\"");
			break;
		case 'k':
			skip = strtoul(optarg, NULL, 10);
			break;
		default:
			usage();
		}
	}
	n = argc - optind;
	argv += optind;
	if (!strcmp(verb, "replay") && n && iface)
		return run_replay(argv, n, &group, &source, iface, rate);
	if (!strcmp(verb, "alter") && !n && iface && from && group.set && skip)
		return run_alter(from, iface, &group, &kinds, each, skip);
	if (!strcmp(verb, "kinds") && !n)
		return run_kinds();
	usage();
}
