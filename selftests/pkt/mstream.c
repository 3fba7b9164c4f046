// SPDX-License-Identifier: Apache-2.0
/*
 * A multicast stream that knows what it lost.
 *
 *	mstream send -g GROUP -i IFACE [-p PORT] [-r PACKETS/S] [-n PACKETS]
 *		[-l OCTETS] [-t TTL] [-s STREAM] [-m MARKER] [-o REPORT]
 *	mstream recv -g GROUP -i IFACE [-p PORT] [-m MARKER] [-o REPORT]
 *
 * Every datagram carries a sequence number, and the marker over and over to
 * its end: whoever captures the stream in clear finds the marker, and a
 * receiver notices one octet that is not as it was sent. A receiver reports,
 * per stream, what came, what is missing between the first and the last
 * sequence number, what came twice, and when the last packet came (last_ms, of
 * CLOCK_MONOTONIC). What its own socket had no room for is
 * counted apart: that is the test's fault, not the network's.
 *
 * Reports are JSON, written on SIGUSR1 (of the state so far) and at the end
 * (SIGTERM, SIGINT or -n), to REPORT by renaming, so that who waits for the
 * file to appear reads all of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

#define MAGIC 0x6d637374u /* "mcst" */
#define STREAMS_MAX 8
#define GAPS_MAX 64 /* listed; all are counted */
#define SEQ_MAX (1u << 26) /* nine hours at 2,000 packets/s */
#define DGRAM_MAX 65507
/* A sender that is this far behind does not catch up by a burst. */
#define LATE_NS 50000000ll

struct head {
	uint32_t magic;
	uint32_t stream;
	uint64_t seq;
	uint64_t sent_ns; /* CLOCK_MONOTONIC: all hosts are one machine */
} __attribute__((packed));

struct stream {
	bool used;
	uint32_t id;
	uint64_t first;
	uint64_t last;
	uint64_t packets; /* distinct */
	uint64_t duplicates;
	uint64_t corrupt;
	uint64_t reordered; /* below the highest so far */
	uint64_t first_ns;
	uint64_t last_ns;
	uint64_t silence_ns; /* the longest without a packet */
	uint64_t latency_ns; /* the longest */
	uint8_t *seen; /* one bit for each sequence number */
	size_t seen_len; /* octets */
};

struct opts {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} group;
	socklen_t group_len;
	unsigned int ifindex;
	uint16_t port;
	double rate;
	uint64_t count; /* 0: until told to stop */
	size_t len;
	int ttl;
	uint32_t stream;
	const char *marker;
	const char *report;
};

static volatile sig_atomic_t stop_now;
static volatile sig_atomic_t report_now;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		report_now = 1;
	else
		stop_now = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "mstream: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage(const char *why)
{
	fprintf(stderr,
		"mstream: %s\n"
		"usage: mstream send|recv -g GROUP -i IFACE [-p PORT] [-m MARKER] [-o REPORT]\n"
		"       send also: [-r RATE] [-n PACKETS] [-l OCTETS] [-t TTL] [-s STREAM]\n",
		why);
	exit(2);
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static FILE *report_open(const char *path, char *tmp, size_t len)
{
	FILE *f;

	if (!path)
		return stdout;
	snprintf(tmp, len, "%s.new", path);
	f = fopen(tmp, "w");
	if (!f)
		die(tmp);
	return f;
}

static void report_close(FILE *f, const char *path, const char *tmp)
{
	if (fflush(f))
		die("report");
	if (!path)
		return;
	fclose(f);
	if (rename(tmp, path))
		die(path);
}

/* The marker follows the head, again and again. */
static void fill(uint8_t *p, size_t len, const char *marker)
{
	size_t n = strlen(marker), i;

	for (i = 0; i < len; i++)
		p[i] = marker[i % n];
}

/* ---- sender ------------------------------------------------------------- */

static void send_report(const struct opts *o, uint64_t seq, uint64_t errors,
			uint64_t slips, uint64_t start)
{
	double s = (now_ns() - start) / 1e9;
	char tmp[4096];
	FILE *f = report_open(o->report, tmp, sizeof(tmp));

	fprintf(f,
		"{\"role\":\"send\",\"stream\":%" PRIu32 ",\"next\":%" PRIu64
		",\"refused\":%" PRIu64 ",\"slips\":%" PRIu64
		",\"seconds\":%.3f,\"rate\":%.1f}\n",
		o->stream, seq, errors, slips, s, s > 0 ? seq / s : 0);
	report_close(f, o->report, tmp);
}

static int run_send(const struct opts *o, int fd)
{
	uint64_t step = 1e9 / o->rate, start = now_ns(), due = start;
	uint64_t seq = 0, errors = 0, slips = 0;
	uint8_t *buf = malloc(o->len);
	struct head h = {
		.magic = htonl(MAGIC),
		.stream = htonl(o->stream),
	};

	if (!buf)
		die("memory");
	fill(buf + sizeof(h), o->len - sizeof(h), o->marker);
	while (!stop_now && (!o->count || seq < o->count)) {
		uint64_t now = now_ns();
		struct timespec ts;

		if (report_now) {
			report_now = 0;
			send_report(o, seq, errors, slips, start);
		}
		if (now < due) {
			ts.tv_sec = due / NSEC_PER_SEC;
			ts.tv_nsec = due % NSEC_PER_SEC;
			if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts,
					    NULL) == EINTR)
				continue;
		} else if (now - due > LATE_NS) {
			due = now;
			slips++;
		}
		h.seq = htobe64(seq);
		h.sent_ns = htobe64(now_ns());
		memcpy(buf, &h, sizeof(h));
		/*
		 * A protected group without a key refuses datagrams. The
		 * refusal is counted, and the number is used like that of a
		 * lost packet.
		 */
		if (sendto(fd, buf, o->len, 0, &o->group.sa, o->group_len) <
		    0) {
			if (errno == EINTR)
				continue;
			errors++;
		}
		seq++;
		due += step;
	}
	send_report(o, seq, errors, slips, start);
	free(buf);
	return 0;
}

/* ---- receiver ----------------------------------------------------------- */

static struct stream streams[STREAMS_MAX];
static uint64_t foreign; /* datagrams that are none of ours */
static uint32_t socket_drops;

static bool seen(const struct stream *s, uint64_t seq)
{
	return seq / 8 < s->seen_len && s->seen[seq / 8] >> (seq % 8) & 1;
}

static void recv_report(const struct opts *o)
{
	char tmp[4096];
	FILE *f = report_open(o->report, tmp, sizeof(tmp));
	bool comma = false;
	int i;

	fprintf(f,
		"{\"role\":\"recv\",\"foreign\":%" PRIu64
		",\"socket_drops\":%" PRIu32 ",\"streams\":[",
		foreign, socket_drops);
	for (i = 0; i < STREAMS_MAX && streams[i].used; i++) {
		const struct stream *s = &streams[i];
		uint64_t span = s->last - s->first + 1, q, from = 0;
		double sec = (s->last_ns - s->first_ns) / 1e9;
		unsigned int gaps = 0;
		bool in_gap = false;

		fprintf(f,
			"%s{\"stream\":%" PRIu32 ",\"first\":%" PRIu64
			",\"last\":%" PRIu64 ",\"packets\":%" PRIu64
			",\"lost\":%" PRIu64 ",\"duplicates\":%" PRIu64
			",\"corrupt\":%" PRIu64 ",\"reordered\":%" PRIu64
			",\"seconds\":%.3f,\"rate\":%.1f"
			",\"silence_ms\":%.1f,\"latency_ms\":%.1f"
			",\"last_ms\":%.1f,\"gaps\":[",
			comma ? "," : "", s->id, s->first, s->last, s->packets,
			span - s->packets, s->duplicates, s->corrupt,
			s->reordered, sec, sec > 0 ? s->packets / sec : 0,
			s->silence_ns / 1e6, s->latency_ns / 1e6,
			s->last_ns / 1e6);
		comma = true;
		for (q = s->first; span != s->packets && q <= s->last; q++) {
			if (!seen(s, q)) {
				if (!in_gap)
					from = q;
				in_gap = true;
			} else if (in_gap) {
				in_gap = false;
				if (gaps++ < GAPS_MAX)
					fprintf(f,
						"%s[%" PRIu64 ",%" PRIu64 "]",
						gaps > 1 ? "," : "", from,
						q - 1);
			}
		}
		fprintf(f, "],\"gap_count\":%u}", gaps);
	}
	fprintf(f, "]}\n");
	report_close(f, o->report, tmp);
}

static struct stream *stream_of(uint32_t id, uint64_t seq)
{
	int i;

	for (i = 0; i < STREAMS_MAX; i++) {
		if (!streams[i].used) {
			streams[i].used = true;
			streams[i].id = id;
			streams[i].first = seq;
			streams[i].last = seq;
			return &streams[i];
		}
		if (streams[i].id == id)
			return &streams[i];
	}
	return NULL;
}

static void got(const struct opts *o, const uint8_t *p, size_t len,
		const uint8_t *want)
{
	uint64_t now = now_ns(), seq, sent;
	struct stream *s;
	struct head h;

	if (len < sizeof(h)) {
		foreign++;
		return;
	}
	memcpy(&h, p, sizeof(h));
	seq = be64toh(h.seq);
	sent = be64toh(h.sent_ns);
	if (ntohl(h.magic) != MAGIC || seq >= SEQ_MAX) {
		foreign++;
		return;
	}
	s = stream_of(ntohl(h.stream), seq);
	if (!s) {
		foreign++;
		return;
	}
	if (o->marker && memcmp(p + sizeof(h), want, len - sizeof(h)))
		s->corrupt++;
	if (seq / 8 >= s->seen_len) {
		size_t n = (seq / 8 + 1) * 2 + 4096;
		uint8_t *m = realloc(s->seen, n);

		if (!m)
			die("memory");
		memset(m + s->seen_len, 0, n - s->seen_len);
		s->seen = m;
		s->seen_len = n;
	}
	if (seen(s, seq)) {
		s->duplicates++;
		return;
	}
	s->seen[seq / 8] |= 1 << (seq % 8);
	if (s->packets) {
		if (now - s->last_ns > s->silence_ns)
			s->silence_ns = now - s->last_ns;
	} else {
		s->first_ns = now;
	}
	s->packets++;
	s->last_ns = now;
	if (now > sent && now - sent > s->latency_ns)
		s->latency_ns = now - sent;
	if (seq < s->last)
		s->reordered++;
	if (seq > s->last)
		s->last = seq;
	if (seq < s->first)
		s->first = seq;
}

static int run_recv(const struct opts *o, int fd)
{
	static uint8_t buf[DGRAM_MAX + 1], want[DGRAM_MAX + 1];
	union {
		struct cmsghdr align;
		uint8_t b[CMSG_SPACE(sizeof(uint32_t))];
	} ctl;

	if (o->marker)
		fill(want, sizeof(want), o->marker);
	while (!stop_now) {
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &ctl,
			.msg_controllen = sizeof(ctl),
		};
		struct cmsghdr *c;
		ssize_t n;

		if (report_now) {
			report_now = 0;
			recv_report(o);
		}
		n = recvmsg(fd, &m, 0);
		if (n < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			die("recvmsg");
		}
		for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
			if (c->cmsg_level == SOL_SOCKET &&
			    c->cmsg_type == SO_RXQ_OVFL)
				memcpy(&socket_drops, CMSG_DATA(c),
				       sizeof(socket_drops));
		got(o, buf, n, want);
	}
	recv_report(o);
	return 0;
}

/* ---- both --------------------------------------------------------------- */

static void group_parse(struct opts *o, const char *text)
{
	memset(&o->group, 0, sizeof(o->group));
	if (inet_pton(AF_INET, text, &o->group.in.sin_addr) == 1) {
		o->group.in.sin_family = AF_INET;
		o->group_len = sizeof(o->group.in);
	} else if (inet_pton(AF_INET6, text, &o->group.in6.sin6_addr) == 1) {
		o->group.in6.sin6_family = AF_INET6;
		o->group_len = sizeof(o->group.in6);
	} else {
		usage("-g wants an IPv4 or IPv6 multicast address");
	}
}

static void set(int fd, int level, int name, const void *p, socklen_t len,
		const char *what)
{
	if (setsockopt(fd, level, name, p, len))
		die(what);
}

static int open_socket(struct opts *o, bool receive)
{
	int fd = socket(o->group.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool v4 = o->group.sa.sa_family == AF_INET;
	int one = 1, room = 64 << 20;

	if (fd < 0)
		die("socket");
	set(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one), "SO_REUSEADDR");
	if (v4)
		o->group.in.sin_port = htons(o->port);
	else
		o->group.in6.sin6_port = htons(o->port);
	if (receive) {
		struct group_req g = { .gr_interface = o->ifindex };
		/*
		 * A signal just before the wait does not end it, so the wait is
		 * short.
		 */
		struct timeval tv = { .tv_usec = 200000 };

		/*
		 * The test measures the loss of the network, and not that of
		 * this socket.
		 */
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room,
			       sizeof(room)))
			set(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room),
			    "SO_RCVBUF");
		set(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv),
		    "SO_RCVTIMEO");
		set(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one),
		    "SO_RXQ_OVFL");
		if (bind(fd, &o->group.sa, o->group_len))
			die("bind");
		memcpy(&g.gr_group, &o->group, o->group_len);
		set(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, MCAST_JOIN_GROUP, &g,
		    sizeof(g), "join");
	} else if (v4) {
		struct ip_mreqn m = { .imr_ifindex = o->ifindex };

		set(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m),
		    "IP_MULTICAST_IF");
		set(fd, IPPROTO_IP, IP_MULTICAST_TTL, &o->ttl, sizeof(o->ttl),
		    "IP_MULTICAST_TTL");
	} else {
		set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &o->ifindex,
		    sizeof(o->ifindex), "IPV6_MULTICAST_IF");
		set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &o->ttl,
		    sizeof(o->ttl), "IPV6_MULTICAST_HOPS");
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct opts o = {
		.port = 5004,
		.rate = 2000,
		.len = 200,
		.ttl = 16,
	};
	struct sigaction sa = { .sa_handler = on_signal };
	bool receive;
	int c, fd;

	if (argc < 2)
		usage("say send or recv");
	receive = !strcmp(argv[1], "recv");
	if (!receive && strcmp(argv[1], "send"))
		usage("say send or recv");
	argv++;
	argc--;
	while ((c = getopt(argc, argv, "g:i:p:r:n:l:t:s:m:o:")) != -1) {
		switch (c) {
		case 'g':
			group_parse(&o, optarg);
			break;
		case 'i':
			o.ifindex = if_nametoindex(optarg);
			if (!o.ifindex)
				die(optarg);
			break;
		case 'p':
			o.port = atoi(optarg);
			break;
		case 'r':
			o.rate = atof(optarg);
			break;
		case 'n':
			o.count = strtoull(optarg, NULL, 10);
			break;
		case 'l':
			o.len = strtoul(optarg, NULL, 10);
			break;
		case 't':
			o.ttl = atoi(optarg);
			break;
		case 's':
			o.stream = strtoul(optarg, NULL, 10);
			break;
		case 'm':
			o.marker = optarg;
			break;
		case 'o':
			o.report = optarg;
			break;
		default:
			usage("no such option");
		}
	}
	if (!o.group_len || !o.ifindex || !o.port || optind != argc)
		usage("-g and -i are needed, and nothing but options");
	if (o.marker && !*o.marker)
		usage("-m wants a text");
	if (!receive && !o.marker)
		o.marker = "mcsec";
	if (o.len < sizeof(struct head) || o.len > DGRAM_MAX)
		usage("-l is between 24 and 65507");
	if (o.rate <= 0 || o.count > SEQ_MAX)
		usage("-r or -n out of range");

	/* SA_RESTART is not set, so that a signal ends the wait. */
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	fd = open_socket(&o, receive);
	return receive ? run_recv(&o, fd) : run_send(&o, fd);
}
