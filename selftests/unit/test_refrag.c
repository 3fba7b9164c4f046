// SPDX-License-Identifier: Apache-2.0
/*
 * Rekeys that come in fragments, and rekeys that come too early: what is kept of
 * them, and how much.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "member/mgroup.h"
#include "rekey/refrag.h"
#include "tap.h"

static uint8_t octets[300000];

/* ---- fragments ---------------------------------------------------------- */

static struct refrag r;

static int add(uint32_t mid, unsigned int number, unsigned int total, char c,
	       size_t len)
{
	struct skf frag = { .number = number, .total = total };

	memset(octets, c, sizeof(octets));
	return refrag_add(&r, mid, &frag, number + 40, octets, len);
}

static void is_whole(const char *want, const char *what)
{
	uint8_t got[64] = { 0 };

	if (r.octets >= sizeof(got))
		bail("too much");
	refrag_copy(&r, got);
	is_int(r.octets, strlen(want), "%s: the length", what);
	is_str((const char *)got, want, "%s: the octets", what);
	is_int(r.first, 41, "%s: the first payload is the first fragment's",
	       what);
}

static void test_order(void)
{
	is_int(add(7, 3, 3, 'c', 1), -EAGAIN, "a last fragment alone");
	is_int(add(7, 1, 3, 'a', 2), -EAGAIN, "a first fragment");
	is_int(add(7, 1, 3, 'x', 3), -EAGAIN, "a first fragment once more");
	is_int(add(7, 2, 3, 'b', 1), 0, "the fragment that was missing");
	is_whole("aabc", "three fragments");
	refrag_drop(&r);
	ok(!r.total && !r.n && !r.octets, "nothing is left when it is dropped");
	is_int(add(0, 1, 1, 'a', 1), 0, "one fragment of one");
	is_whole("a", "one fragment");
	refrag_drop(&r);
}

static void test_replaced(void)
{
	add(7, 1, 2, 'a', 1);
	is_int(add(6, 2, 2, 'x', 1), -EAGAIN, "an earlier message is ignored");
	is_int(r.mid, 7, "the later message is kept");
	is_int(add(7, 2, 2, 'b', 1), 0, "the later message is complete");
	is_whole("ab", "the later message");
	refrag_drop(&r);

	add(7, 1, 2, 'x', 1);
	is_int(add(8, 1, 2, 'a', 1), -EAGAIN, "a later message begins");
	is_int(add(7, 2, 2, 'x', 1), -EAGAIN, "the earlier one is over");
	is_int(add(8, 2, 2, 'b', 1), 0, "a later message replaces it");
	is_whole("ab", "the message that replaced another");
	refrag_drop(&r);

	add(7, 2, 2, 'x', 1);
	is_int(add(7, 1, 3, 'a', 1), -EAGAIN, "another number of fragments");
	is_int(add(7, 2, 3, 'b', 1), -EAGAIN, "nothing of before is kept");
	is_int(add(7, 3, 3, 'c', 1), 0, "the other number is complete");
	is_whole("abc", "another number");
	refrag_drop(&r);
}

static void test_limits(void)
{
	unsigned int i;
	int ret = -EAGAIN;

	add(7, 2, 2, 'b', 1);
	is_int(add(7, 1, 65, 'x', 1), -E2BIG, "65 fragments are too many");
	is_int(add(7, 1, 2, 'x', 65536), -E2BIG,
	       "a fragment of 65536 octets is too long");
	is_int(add(7, 1, 2, 'a', 1), 0, "the fragment that was kept stays");
	is_whole("ab", "the message of before");
	refrag_drop(&r);
	for (i = 1; i <= 64 && ret == -EAGAIN; i++)
		ret = add(7, i, 64, 'a', 1);
	ok(!ret && i == 65, "64 fragments are a message");
	refrag_copy(&r, octets);
	ok(octets[0] == 'a' && octets[63] == 'a', "64 fragments are copied");
	refrag_drop(&r);
	is_int(add(7, 1, 2, 'a', 65536), -E2BIG, "65536 octets are too many");
	is_int(add(7, 1, 2, 'a', 65535), -EAGAIN, "65535 octets are not");
	is_int(add(7, 2, 2, 'b', 1), -E2BIG, "one octet more is");
	is_int(r.total, 0, "one of them is forged, so both are dropped");
	add(7, 1, 2, 'a', 65534);
	is_int(add(7, 2, 2, 'b', 1), 0, "65535 octets in all are not");
	refrag_drop(&r);
}

/* ---- messages that come too early ---------------------------------------- */

static struct mgroup g;

/* Keep a message of @len octets over the Rekey SA @spi. */
static void keep(uint8_t spi, uint32_t mid, size_t len)
{
	memset(octets, 0, len);
	memset(octets, spi, GIKE_SPI_LEN_REKEY);
	put_unaligned_be32(mid, octets + 20);
	early_store(&g, octets, len);
}

/* Return the Message ID of the next message over @spi, 0: there is none. */
static uint32_t take(uint8_t spi)
{
	struct rekey_sa rs = { 0 };
	struct early *e;
	uint32_t mid;

	memset(rs.spi, spi, sizeof(rs.spi));
	e = early_take(&g, &rs);
	mid = e ? rekey_peek_mid(e->p) : 0;
	free(e);
	return mid;
}

static void holds(unsigned int n, size_t all, const char *what)
{
	is_int(g.n_early, n, "%s: messages", what);
	is_int(g.early_octets, all, "%s: octets", what);
}

static void test_early(void)
{
	keep(1, 5, 100);
	keep(1, 5, 100);
	holds(1, 100, "a copy is not kept");
	keep(1, 5, 101);
	keep(1, 3, 100);
	keep(2, 1, 100);
	holds(4, 401, "messages that differ");
	is_int(take(3), 0, "no message over another Rekey SA");
	is_int(take(1), 3, "the lowest Message ID comes first");
	is_int(take(1), 5, "the next one follows");
	is_int(take(1), 5, "the longer one follows");
	is_int(take(1), 0, "no more of this Rekey SA");
	holds(1, 100, "the other Rekey SA's is left");
	early_drop(&g);
	holds(0, 0, "after all are dropped");
}

static void test_early_limits(void)
{
	unsigned int i;

	keep(9, 9, 100);
	for (i = 1; i <= 70; i++)
		keep(1, i, 100);
	holds(71, 7100, "70 messages of one Rekey SA");
	keep(1, 71, 100);
	holds(71, 7100, "a 71st one takes the place of another");
	is_int(take(1), 2, "the oldest one of its Rekey SA is gone");
	is_int(take(9), 9, "the other Rekey SA's is not");
	early_drop(&g);

	for (i = 1; i <= 64; i++) {
		keep(1, i, 100);
		keep(2, i, 100);
	}
	holds(128, 12800, "128 messages");
	keep(3, 1, 100);
	holds(128, 12800, "a 129th one takes the place of another");
	is_int(take(1), 2, "the oldest one of all is gone");
	is_int(take(2), 1, "the one behind it is not");
	early_drop(&g);

	for (i = 1; i <= 4; i++)
		keep(1, i, 65536);
	holds(4, 262144, "256 KiB");
	keep(1, 5, 100);
	holds(4, 196708, "one that has no room takes the place of another");
	is_int(take(1), 2, "the oldest one has made room");
	early_drop(&g);
	keep(1, 1, 300000);
	holds(1, 300000, "a large one alone");
	early_drop(&g);
}

int main(void)
{
	TAILQ_INIT(&g.early);
	RUN(test_order);
	RUN(test_replaced);
	RUN(test_limits);
	RUN(test_early);
	RUN(test_early_limits);
	return done();
}
