// SPDX-License-Identifier: Apache-2.0
/*
 * A group whose traffic keys and Sender-IDs come from another source than the key
 * server itself, such as a server above it.
 */
#include "gcks/key_source.h"
#include "gcks/life.h"
#include "group_finish.h"
#include "group_sim.h"
#include "lib/util.h"
#include "tap.h"

/* The block of Sender-IDs that the source was given. */
#define FIRST 100
#define BLOCK 6

static struct sim s;
static unsigned int n_keys, n_anew;

/* The first octet of each key numbers it. */
static int given_next_data(struct group *g, struct gkm_state *st,
			   uint32_t lifetime, bool exclude)
{
	int ret = key_source_local.next_data(g, st, lifetime, exclude);

	if (!ret)
		memset(st->data[0].key.keymat, ++n_keys, st->data[0].key.len);
	return ret;
}

static uint32_t given_sender_ids_left(const struct group *g,
				      const struct gkm_state *st)
{
	(void)g;
	return BLOCK - st->next_sid;
}

static uint32_t given_take_sender_ids(struct group *g, struct gkm_state *st,
				      uint32_t n)
{
	return FIRST + key_source_local.take_sender_ids(g, st, n);
}

static void given_start_anew(struct group *g, struct gkm_state *st)
{
	n_anew++;
	key_source_local.reset(g, st);
}

static const struct key_source_ops given = {
	.next_data = given_next_data,
	.sender_ids_left = given_sender_ids_left,
	.take_sender_ids = given_take_sender_ids,
	.reset = given_start_anew,
};

static const struct mock_sa *sending(const struct sim_member *m)
{
	unsigned int i;

	for (i = 0; i < m->mk.n_sas; i++)
		if (m->mk.sa[i].selected)
			return &m->mk.sa[i];
	bail("%s does not send", m->name);
	return NULL;
}

/* The member starts again without memory, and gets other Sender-IDs. */
static void restart(struct sim_member *m)
{
	sim_down(m);
	mock_kernel_reset(&m->mk);
	sim_up(m);
	sim_run(&s, 70000);
}

int main(void)
{
	struct sim_member *tx, *a;

	sim_init(&s, 1);
	sim_gcks_up(&s);
	group_find(s.gcks, "video", 5)->keys = &given;
	tx = sim_add(&s, "s.example", true, false);
	a = sim_add(&s, "a.example", false, true);
	sim_up(tx);
	sim_up(a);
	if (!sim_settle(&s, 60000))
		bail("not settled");
	sim_run(&s, 10000);
	is_int(sim_audited(&s, "join", "s.example", "Sender-IDs 100 to 101"), 1,
	       "a sender gets Sender-IDs of the block");
	is_int(sending(tx)->sa.key[0], n_keys,
	       "a sender sends with the key of the source");
	sim_stream(&s, tx, 50);
	sim_run(&s, 5000);
	ok(!sim_gaps(&s) && sim_in(a), "a receiver reads what is sent");
	is_int(n_anew, 0, "a block that has room is no reason for a reset");
	restart(tx);
	restart(tx);
	is_int(n_anew, 0, "a block is used up to its last Sender-ID");
	restart(tx);
	is_int(n_anew, 1, "a block that is used up resets the group");
	is_int(sending(tx)->sa.key[0], n_keys,
	       "a sender has the newest key of the source");
	is_int(sending(tx)->sa.sender_ids[0], FIRST,
	       "Sender-IDs begin anew under another key");
	sim_finish(&s, "source");
	return done();
}
