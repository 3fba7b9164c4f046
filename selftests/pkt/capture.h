/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures and the packets in them, for the eavesdropper (wire.c) and the
 * attacker (attack.c): each is one file and one program, so this is all static.
 * Captures are pcap files of Ethernet frames, as tcpdump -w writes them.
 */
#ifndef E2E_CAPTURE_H
#define E2E_CAPTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

#define FRAME_MAX 262144
#define ESP_HEAD 8 /* octets: SPI, sequence number */

static void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		strerror(errno));
	exit(1);
}

static void bad(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		why);
	exit(1);
}

/* ---- captures ----------------------------------------------------------- */

struct pcap {
	FILE *f;
	const char *name;
	bool swapped;
};

static uint32_t pcap_u32(const struct pcap *p, uint32_t v)
{
	return p->swapped ? __builtin_bswap32(v) : v;
}

static void pcap_open(struct pcap *p, const char *name)
{
	uint32_t h[6];

	p->name = name;
	p->f = fopen(name, "rb");
	if (!p->f)
		die(name);
	if (fread(h, sizeof(h), 1, p->f) != 1)
		bad(name, "is no capture");
	if (h[0] == 0xa1b2c3d4 || h[0] == 0xa1b23c4d)
		p->swapped = false;
	else if (h[0] == 0xd4c3b2a1 || h[0] == 0x4d3cb2a1)
		p->swapped = true;
	else
		bad(name, "is no pcap file");
	if (pcap_u32(p, h[5]) != 1)
		bad(name, "is not of Ethernet frames");
}

/* Length of the next frame, 0 at the end. */
static size_t pcap_next(struct pcap *p, uint8_t *buf)
{
	uint32_t h[4], len;

	if (fread(h, sizeof(h), 1, p->f) != 1) {
		fclose(p->f);
		return 0;
	}
	len = pcap_u32(p, h[2]);
	if (len > FRAME_MAX || pcap_u32(p, h[3]) != len)
		bad(p->name, "holds a truncated frame");
	if (len && fread(buf, len, 1, p->f) != 1)
		bad(p->name, "ends in a frame");
	return len;
}

/* ---- one IP packet ------------------------------------------------------ */

struct packet {
	uint8_t *ip;
	size_t len; /* the IP packet's, by its header */
	int family;
	uint8_t proto; /* after extension headers and fragment header */
	size_t off; /* where the rest follows */
	bool fragment; /* one of several, the first too */
	bool first; /* off is the upper header's */
	bool multicast;
	uint8_t *src;
	uint8_t *dst;
	size_t alen;
};

static bool packet_v4(struct packet *k, uint8_t *p, size_t len)
{
	struct iphdr ip;
	uint16_t frag;

	if (len < sizeof(ip))
		return false;
	memcpy(&ip, p, sizeof(ip));
	if (ip.ihl < 5 || ntohs(ip.tot_len) < ip.ihl * 4 ||
	    ntohs(ip.tot_len) > len)
		return false;
	frag = ntohs(ip.frag_off);
	k->len = ntohs(ip.tot_len);
	k->family = AF_INET;
	k->proto = ip.protocol;
	k->off = ip.ihl * 4;
	k->fragment = frag & 0x3fff;
	k->first = !(frag & 0x1fff);
	k->src = p + 12;
	k->dst = p + 16;
	k->alen = 4;
	k->multicast = p[16] >> 4 == 0xe;
	return true;
}

static bool packet_v6(struct packet *k, uint8_t *p, size_t len)
{
	size_t total, off = sizeof(struct ip6_hdr);
	uint8_t next;

	if (len < off)
		return false;
	total = off + get_unaligned_be16(p + 4);
	if (total > len)
		return false;
	next = p[6];
	k->first = true;
	while (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT) {
		if (off + 8 > total)
			return false;
		if (next == IPPROTO_FRAGMENT) {
			uint16_t frag = get_unaligned_be16(p + off + 2);

			k->fragment = frag & 0xfff9;
			k->first = !(frag & 0xfff8);
			next = p[off];
			off += 8;
			if (!k->first)
				break;
		} else {
			next = p[off];
			off += (p[off + 1] + 1) * 8;
		}
	}
	if (off > total)
		return false;
	k->len = total;
	k->family = AF_INET6;
	k->proto = next;
	k->off = off;
	k->src = p + 8;
	k->dst = p + 24;
	k->alen = 16;
	k->multicast = p[24] == 0xff;
	return true;
}

/* Parses an Ethernet frame; false if there's no IP packet in it. */
static bool packet_parse(struct packet *k, uint8_t *frame, size_t len)
{
	uint16_t type;

	memset(k, 0, sizeof(*k));
	if (len < ETH_HLEN)
		return false;
	type = get_unaligned_be16(frame + 12);
	k->ip = frame + ETH_HLEN;
	if (type == ETH_P_IP)
		return packet_v4(k, k->ip, len - ETH_HLEN);
	if (type == ETH_P_IPV6)
		return packet_v6(k, k->ip, len - ETH_HLEN);
	return false;
}

struct filter {
	bool set;
	size_t len;
	uint8_t b[16];
};

static void filter_parse(struct filter *f, const char *text)
{
	f->set = true;
	if (inet_pton(AF_INET, text, f->b) == 1)
		f->len = 4;
	else if (inet_pton(AF_INET6, text, f->b) == 1)
		f->len = 16;
	else
		bad(text, "is no address");
}

static bool to_group(const struct packet *k, const struct filter *g)
{
	if (!g->set)
		return k->multicast;
	return g->len == k->alen && !memcmp(g->b, k->dst, g->len);
}

#endif
