// SPDX-License-Identifier: Apache-2.0
/*
 * Edges of a relay in a kernel that refuses, or does what it is told but does not say so:
 * none is left of a child that has none any more.
 */
#include <errno.h>
#include <string.h>

#include "app/edge_kernel.h"
#include "tap.h"

#define MOST 1000

/* The edges that the kernel has. */
static uint32_t has[MOST];
static unsigned int dels;
static int add_fails, del_fails; /* an error; 0: it succeeds */
static bool mute; /* an edge is added, although it failed */

static unsigned int there(uint32_t id)
{
	unsigned int i, n = 0;

	for (i = 0; i < MOST; i++)
		n += has[i] && (!id || has[i] == id);
	return n;
}

static int add(void *ctx, const struct kedge *e, struct err *err)
{
	unsigned int i;

	(void)ctx;
	if (there(e->id))
		return err_set(err, -EEXIST, "there is such an edge");
	if (add_fails && !mute)
		return err_set(err, add_fails, "not added");
	for (i = 0; i < MOST && has[i]; i++)
		;
	if (i == MOST)
		bail("too many edges");
	has[i] = e->id;
	return add_fails ? err_set(err, add_fails, "no answer") : 0;
}

static int del(void *ctx, const char *group, uint32_t id, struct err *err)
{
	unsigned int i;

	(void)ctx;
	if (strcmp(group, "video"))
		bail("another group");
	dels++;
	if (del_fails)
		return err_set(err, del_fails, "not removed");
	for (i = 0; i < MOST; i++) {
		if (has[i] != id)
			continue;
		has[i] = 0;
		return 0;
	}
	return err_set(err, -ENOENT, "no such edge");
}

static const struct kernel_ops ops = { .edge_add = add, .edge_del = del };
static const struct kernel kernel = { .ops = &ops };
static struct edge_kernel k;
static struct err err;

static void begin(void)
{
	memset(has, 0, sizeof(has));
	dels = 0;
	add_fails = 0;
	del_fails = 0;
	mute = false;
	err_clear(&err);
	edge_kernel_init(&k, &kernel);
}

static int add_edge(uint32_t id)
{
	const struct kedge e = { .group = "video", .id = id };

	err_clear(&err);
	return edge_kernel_add(&k, &e, &err);
}

static int del_edge(uint32_t id)
{
	err_clear(&err);
	return edge_kernel_del(&k, "video", id, &err);
}

static void test_removed(void)
{
	begin();
	is_int(add_edge(1), 0, "an edge is added");
	is_int(del_edge(1), 0, "an edge is removed");
	is_int(there(0), 0, "the kernel has none");
	is_int(del_edge(1), -ENOENT, "an edge that is not there");
	dels = 0;
	is_int(edge_kernel_retry(&k), 0, "nothing is left");
	is_int(dels, 0, "the kernel is not asked for nothing");
	edge_kernel_free(&k);
}

static void test_not_removed(void)
{
	begin();
	add_edge(1);
	add_edge(2);
	del_fails = -EAGAIN;
	is_int(del_edge(1), -EAGAIN, "the error of a removal is told");
	is_str(err.text, "not removed", "the error has its words");
	is_int(del_edge(1), -EAGAIN, "the same once more");
	is_int(edge_kernel_retry(&k), 1, "one edge is left");
	is_int(there(1), 1, "the kernel still has the edge");
	del_fails = 0;
	is_int(edge_kernel_retry(&k), 0,
	       "none is left when the kernel answers");
	is_int(there(1), 0, "the edge is gone from the kernel");
	is_int(there(2), 1, "another edge is not");
	/* The kernel has done it, and did not say so. */
	del_fails = -EAGAIN;
	del_edge(2);
	has[1] = 0;
	del_fails = 0;
	is_int(edge_kernel_retry(&k), 0, "an edge that is gone is not left");
	edge_kernel_free(&k);
}

static void test_not_added(void)
{
	begin();
	add_fails = -EAGAIN;
	mute = true;
	is_int(add_edge(1), -EAGAIN, "no answer to an edge that is added");
	is_str(err.text, "no answer", "the caller has the first error");
	is_int(there(0), 0, "the edge is removed at once");
	del_fails = -EAGAIN;
	is_int(add_edge(2), -EAGAIN, "no answer to a removal either");
	is_int(there(2), 1, "the kernel has the edge");
	del_fails = 0;
	is_int(edge_kernel_retry(&k), 0, "the edge is removed later");
	is_int(there(0), 0, "the kernel has no edge");
	/* An edge that is made by hand has the number. */
	add_fails = 0;
	has[0] = 3;
	is_int(add_edge(3), -EEXIST, "a number that somebody has");
	is_int(there(3), 1, "the edge of somebody else stays");
	edge_kernel_free(&k);
}

/* The edges of a child to its relays have the same numbers each time. */
static void test_same_number(void)
{
	begin();
	add_edge(1);
	del_fails = -EAGAIN;
	del_edge(1);
	del_fails = 0;
	is_int(add_edge(1), 0,
	       "an edge that was not removed makes room for the next one");
	is_int(edge_kernel_retry(&k), 0, "nothing is left then");
	is_int(there(1), 1, "the new edge is there");
	del_fails = -EAGAIN;
	del_edge(1);
	has[0] = 0;
	is_int(add_edge(1), 0, "the number is free, and nobody knew");
	del_fails = 0;
	is_int(edge_kernel_retry(&k), 0, "nothing is left of the former one");
	is_int(there(1), 1, "the new edge is not taken for the former one");
	edge_kernel_free(&k);
}

static void test_end(void)
{
	begin();
	add_edge(1);
	add_edge(2);
	del_fails = -EAGAIN;
	del_edge(1);
	del_edge(2);
	is_int(edge_kernel_retry(&k), 2, "two edges are left");
	edge_kernel_free(&k);
	dels = 0;
	is_int(edge_kernel_retry(&k), 0, "none is known behind the end");
	is_int(dels, 0, "the kernel is not asked behind the end");
}

/* A relay loses its children, and the kernel does not answer. */
static void test_mute_kernel(void)
{
	unsigned int i, timed_out = 0;

	begin();
	for (i = 1; i <= MOST; i++)
		add_edge(i);
	is_int(there(0), MOST, "a thousand edges");
	del_fails = -ETIMEDOUT;
	for (i = 1; i <= MOST; i++)
		timed_out += del_edge(i) == -ETIMEDOUT;
	is_int(timed_out, MOST, "none of them is removed");
	is_str(err.text, "the kernel does not answer",
	       "the last one is told why");
	is_int(dels, 1, "the kernel was asked once");
	is_int(add_edge(MOST + 1), -ETIMEDOUT, "no edge is added meanwhile");
	is_int(dels, 2, "one edge was tried again for that");
	is_int(there(MOST + 1), 0, "the kernel was not asked to add it");
	del_fails = 0;
	is_int(edge_kernel_retry(&k), 0, "all are removed when it answers");
	is_int(dels, 2 + MOST, "the kernel was asked once for each of them");
	is_int(there(0), 0, "the kernel has none");
	add_edge(1);
	is_int(del_edge(1), 0, "an edge is removed at once again");
	edge_kernel_free(&k);
}

int main(void)
{
	RUN(test_removed);
	RUN(test_not_removed);
	RUN(test_not_added);
	RUN(test_same_number);
	RUN(test_end);
	RUN(test_mute_kernel);
	return done();
}
