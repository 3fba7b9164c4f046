// SPDX-License-Identifier: Apache-2.0
/*
 * Tells what an eavesdropper gets to know, for the tests.
 *
 *	wire census [-g GROUP] CAPTURE...
 *	wire spis [-g GROUP] CAPTURE...
 *	wire scan -m MARKERS CAPTURE...
 *	wire pair -g GROUP CAPTURE CAPTURE
 *
 * census counts the frames of captures by what they are, as JSON; spis lists
 * the SPIs seen, one a line; scan searches the captures, octet by octet, for
 * the markers in a file (hexadecimal, 16 octets a line) and says how many; pair
 * prints the only packet of the group in each of two captures side by side, for
 * people: octets, characters, and the parts of UDP and of ESP.
 */
#include <getopt.h>
#include <inttypes.h>

#include "capture.h"

#define MARKER_LEN 16
#define PORT_IKE 848
#define SPIS_MAX 1024

/* ---- census, spis ------------------------------------------------------- */

static struct {
	uint64_t frames, esp, esp_fragments, clear, igmp, ike, rekey;
	uint64_t multicast_other, unicast_other, not_ip;
	struct {
		uint32_t spi;
		uint64_t packets;
	} spi[SPIS_MAX];
	size_t n_spis;
} sum;

static void count_spi(uint32_t spi)
{
	size_t i;

	for (i = 0; i < sum.n_spis; i++)
		if (sum.spi[i].spi == spi)
			break;
	if (i == SPIS_MAX)
		bad("census", "too many SPIs");
	if (i == sum.n_spis) {
		sum.spi[i].spi = spi;
		sum.n_spis++;
	}
	sum.spi[i].packets++;
}

static void count(struct packet *k, const struct filter *g)
{
	bool udp = k->proto == IPPROTO_UDP && k->first && k->len >= k->off + 8;
	const uint8_t *up = k->ip + k->off;
	uint16_t dport = udp ? get_unaligned_be16(up + 2) : 0;
	uint16_t sport = udp ? get_unaligned_be16(up) : 0;

	if (to_group(k, g) && g->set) {
		/* A packet of the group, which must be ESP. */
		if (k->proto == IPPROTO_ESP) {
			sum.esp++;
			sum.esp_fragments += k->fragment;
			if (k->first && k->len >= k->off + ESP_HEAD)
				count_spi(get_unaligned_be32(up));
		} else if (k->proto == IPPROTO_IGMP) {
			sum.igmp++;
		} else {
			sum.clear++;
		}
	} else if (k->proto == IPPROTO_IGMP ||
		   (k->proto == IPPROTO_ICMPV6 && k->multicast)) {
		sum.igmp++;
	} else if (udp && k->multicast && dport == PORT_IKE) {
		sum.rekey++;
	} else if (udp && (dport == PORT_IKE || sport == PORT_IKE)) {
		sum.ike++;
	} else if (k->multicast) {
		sum.multicast_other++;
	} else {
		sum.unicast_other++;
	}
}

static void read_frames(char **names, int n, const struct filter *g)
{
	static uint8_t buf[FRAME_MAX];
	int i;

	for (i = 0; i < n; i++) {
		struct packet k;
		struct pcap p;
		size_t len;

		pcap_open(&p, names[i]);
		while ((len = pcap_next(&p, buf))) {
			sum.frames++;
			if (packet_parse(&k, buf, len))
				count(&k, g);
			else
				sum.not_ip++;
		}
	}
}

static int run_census(char **names, int n, const struct filter *g)
{
	size_t i;

	read_frames(names, n, g);
	printf("{\"frames\":%" PRIu64 ",\"esp\":%" PRIu64
	       ",\"esp_fragments\":%" PRIu64 ",\"clear\":%" PRIu64
	       ",\"membership\":%" PRIu64 ",\"ike\":%" PRIu64
	       ",\"rekey\":%" PRIu64 ",\"multicast_other\":%" PRIu64
	       ",\"unicast_other\":%" PRIu64 ",\"not_ip\":%" PRIu64
	       ",\"spis\":{",
	       sum.frames, sum.esp, sum.esp_fragments, sum.clear, sum.igmp,
	       sum.ike, sum.rekey, sum.multicast_other, sum.unicast_other,
	       sum.not_ip);
	for (i = 0; i < sum.n_spis; i++)
		printf("%s\"%" PRIu32 "\":%" PRIu64, i ? "," : "",
		       sum.spi[i].spi, sum.spi[i].packets);
	printf("}}\n");
	return 0;
}

static int run_spis(char **names, int n, const struct filter *g)
{
	size_t i;

	read_frames(names, n, g);
	for (i = 0; i < sum.n_spis; i++)
		printf("%" PRIu32 "\n", sum.spi[i].spi);
	return 0;
}

/* ---- scan --------------------------------------------------------------- */

static uint8_t (*markers)[MARKER_LEN];
static size_t n_markers;
static uint8_t starts[65536 / 8]; /* first two octets of some marker */

static void markers_read(const char *name)
{
	FILE *f = fopen(name, "r");
	char line[256];

	if (!f)
		die(name);
	while (fgets(line, sizeof(line), f)) {
		unsigned int i, b;
		uint8_t *m;

		markers = realloc(markers, (n_markers + 1) * MARKER_LEN);
		if (!markers)
			die("memory");
		m = markers[n_markers];
		for (i = 0; i < MARKER_LEN; i++) {
			if (sscanf(line + 2 * i, "%2x", &b) != 1)
				bad(name, "wants 32 hexadecimal digits a line");
			m[i] = b;
		}
		i = get_unaligned_be16(m);
		starts[i / 8] |= 1 << (i % 8);
		n_markers++;
	}
	fclose(f);
	if (!n_markers)
		bad(name, "holds no marker");
}

/* Files are searched as a whole, including headers and padding. */
static uint64_t scan_file(const char *name)
{
	size_t len, i, k;
	uint64_t hits = 0;
	uint8_t *p;
	FILE *f = fopen(name, "rb");
	long end;

	if (!f || fseek(f, 0, SEEK_END))
		die(name);
	end = ftell(f);
	rewind(f);
	len = end;
	p = malloc(len + 1);
	if (!p || (len && fread(p, len, 1, f) != 1))
		die(name);
	fclose(f);
	for (i = 0; i + MARKER_LEN <= len; i++) {
		unsigned int s = get_unaligned_be16(p + i);

		if (!(starts[s / 8] >> (s % 8) & 1))
			continue;
		for (k = 0; k < n_markers; k++)
			hits += !memcmp(p + i, markers[k], MARKER_LEN);
	}
	free(p);
	return hits;
}

static int run_scan(char **names, int n)
{
	uint64_t hits = 0;
	int i;

	for (i = 0; i < n; i++)
		hits += scan_file(names[i]);
	printf("%" PRIu64 "\n", hits);
	return 0;
}

/* ---- pair --------------------------------------------------------------- */

#define ESP_IV 8
#define ESP_TAG 16
#define ROW_OCTETS 8
#define FIELDS_MAX 6
#define ROWS_MAX 256

struct row {
	const char *label;
	const uint8_t *octets;
	size_t n;
};

/* A packet as it is printed. */
struct dump {
	uint8_t frame[FRAME_MAX];
	size_t len; /* octets, from the IP header on */
	struct row rows[ROWS_MAX];
	size_t n_rows;
};

/* The next @n octets at @p are @label; returns where the rest follows. */
static const uint8_t *add_field(struct dump *d, const char *label,
				const uint8_t *p, size_t n)
{
	size_t now;

	for (; n; n -= now, p += now) {
		now = n < ROW_OCTETS ? n : ROW_OCTETS;
		if (d->n_rows == ROWS_MAX)
			bad(label, "is too long to be printed");
		d->rows[d->n_rows++] = (struct row){ label, p, now };
		label = "";
	}
	return p;
}

static void cut_packet(struct dump *d, const struct packet *k)
{
	size_t rest = k->len - k->off;
	const uint8_t *p;

	d->len = k->len;
	p = add_field(d, "IP", k->ip, k->off);
	if (k->proto == IPPROTO_UDP && rest >= 8) {
		p = add_field(d, "UDP", p, 8);
		add_field(d, "data", p, rest - 8);
	} else if (k->proto == IPPROTO_ESP &&
		   rest > ESP_HEAD + ESP_IV + ESP_TAG) {
		p = add_field(d, "SPI", p, 4);
		p = add_field(d, "sequence", p, 4);
		p = add_field(d, "IV", p, ESP_IV);
		p = add_field(d, "encrypted", p,
			      rest - ESP_HEAD - ESP_IV - ESP_TAG);
		add_field(d, "ICV", p, ESP_TAG);
	} else {
		bad("pair", "a packet is neither UDP nor ESP");
	}
}

static void dump_only(struct dump *d, const char *name, const struct filter *g)
{
	static uint8_t buf[FRAME_MAX];
	struct packet k;
	struct pcap p;
	size_t len;

	pcap_open(&p, name);
	while ((len = pcap_next(&p, buf))) {
		if (!packet_parse(&k, buf, len) || !to_group(&k, g) ||
		    k.proto == IPPROTO_IGMP)
			continue;
		if (d->n_rows)
			bad(name, "has several packets of the group");
		memcpy(d->frame, buf, len);
		packet_parse(&k, d->frame, len);
		cut_packet(d, &k);
	}
	if (!d->n_rows)
		bad(name, "has no packet of the group");
}

static void print_row(const struct dump *d, size_t i, int label_width)
{
	const struct row *r = &d->rows[i];
	char hex[ROW_OCTETS * 5 / 2 + 1] = "", text[ROW_OCTETS + 1] = "";
	size_t n = i < d->n_rows ? r->n : 0, k, at = 0;

	for (k = 0; k < n; k++) {
		at += snprintf(hex + at, sizeof(hex) - at, "%s%02x",
			       k && k % 2 == 0 ? " " : "", r->octets[k]);
		text[k] = r->octets[k] >= ' ' && r->octets[k] <= '~'
				  ? r->octets[k]
				  : '.';
	}
	printf("%-*s %-19s %-8s", label_width, n ? r->label : "", hex, text);
}

static int run_pair(char **names, const struct filter *g)
{
	static struct dump d[2];
	char sum[32];
	size_t i;

	dump_only(&d[0], names[0], g);
	dump_only(&d[1], names[1], g);
	for (i = 0; i < d[0].n_rows || i < d[1].n_rows; i++) {
		print_row(&d[0], i, 4);
		printf("   ");
		print_row(&d[1], i, 9);
		putchar('\n');
	}
	snprintf(sum, sizeof(sum), "%zu octets", d[0].len);
	printf("%-33s   %zu octets\n", sum, d[1].len);
	return 0;
}

/* ------------------------------------------------------------------------ */

static void usage(void)
{
	fprintf(stderr, "usage: wire census [-g GROUP] CAPTURE...\n"
			"       wire spis [-g GROUP] CAPTURE...\n"
			"       wire scan -m MARKERS CAPTURE...\n"
			"       wire pair -g GROUP CAPTURE CAPTURE\n");
	exit(2);
}

int main(int argc, char **argv)
{
	struct filter group = { 0 };
	const char *verb;
	int c, n;

	if (argc < 2)
		usage();
	verb = argv[1];
	argv++;
	argc--;
	while ((c = getopt(argc, argv, "g:m:")) != -1) {
		switch (c) {
		case 'g':
			filter_parse(&group, optarg);
			break;
		case 'm':
			markers_read(optarg);
			break;
		default:
			usage();
		}
	}
	n = argc - optind;
	argv += optind;
	if (!strcmp(verb, "census") && n)
		return run_census(argv, n, &group);
	if (!strcmp(verb, "spis") && n)
		return run_spis(argv, n, &group);
	if (!strcmp(verb, "scan") && n && n_markers)
		return run_scan(argv, n);
	if (!strcmp(verb, "pair") && n == 2 && group.set)
		return run_pair(argv, &group);
	usage();
}
