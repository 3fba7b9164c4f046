// SPDX-License-Identifier: Apache-2.0
/* An IKE SA without memory: nothing is lost, and the peer is told to come back. */
#include <stdlib.h>

#include "ike_pair.h"
#include "tap.h"

void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);

static unsigned int fail_in; /* calls until one fails; 0: none does */
static size_t fail_size; /* allocations of this size fail; 0: none does */
static bool counts;
static void *kept[8]; /* allocated while @counts is set, and not freed */
static unsigned int n_failed;

void *__wrap_calloc(size_t n, size_t size)
{
	unsigned int i;
	void *p;

	if ((fail_size && n * size == fail_size) || (fail_in && !--fail_in)) {
		n_failed++;
		return NULL;
	}
	p = __real_calloc(n, size);
	for (i = 0; counts; i++) {
		if (i == sizeof(kept) / sizeof(*kept))
			bail("too many allocations");
		if (kept[i])
			continue;
		kept[i] = p;
		break;
	}
	return p;
}

void __wrap_free(void *p)
{
	unsigned int i;

	for (i = 0; p && i < sizeof(kept) / sizeof(*kept); i++)
		if (kept[i] == p)
			kept[i] = NULL;
	__real_free(p);
}

static unsigned int n_kept(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		n += !!kept[i];
	return n;
}

static void test_new_sa(void)
{
	const struct ike_path path = { 0 };
	unsigned int i;

	pair_setup(NULL, NULL);
	for (i = 1; i <= 3; i++) {
		counts = true;
		fail_in = i;
		ok(!sa_new(m->engine, true, &path),
		   "no IKE SA is made if allocation %u fails", i);
		counts = false;
		is_int(fail_in, 0, "allocation %u has failed", i);
		is_int(n_kept(), 0, "nothing is left of it");
	}
	pair_teardown();
}

/* The peer has sent nothing wrong: it may ask again, and no counter blames it. */
static void test_request(void)
{
	const struct ike_stats *st;

	pair_setup(NULL, NULL);
	st = ike_engine_stats(g->engine);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	fail_size = sizeof(struct sa_pld);
	n_failed = 0;
	net_run(&net);
	fail_size = 0;
	is_int(n_failed, 1, "there is no memory for the request");
	is_int(m->seen.registered, 0, "the member is not registered");
	is_int(m->seen.notify, IKE_N_TEMPORARY_FAILURE,
	       "the member is told to try again");
	is_str(g->seen.text, "GSA_AUTH, TEMPORARY_FAILURE: out of memory",
	       "the key server says why");
	is_int(st->in_syntax, 0, "the request is not counted as malformed");
	is_int(st->sas, 0, "the IKE SA has ended");
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 1, "with memory it is registered");
	pair_teardown();
}

int main(void)
{
	RUN(test_new_sa);
	RUN(test_request);
	return done();
}
