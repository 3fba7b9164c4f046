// SPDX-License-Identifier: Apache-2.0
/* GSA_INBAND_REKEY of the key server (RFC 9838 sections 2.4.2 and 2.4.3). */
#include <errno.h>
#include <stdio.h>

#include "wire/proto.h"
#include "lib/log.h"
#include "lib/util.h"
#include "member/mgroup.h"

/*
 * Return true if the message is for @g. Keys without IDg are for the group that their
 * traffic selectors name; Deletes without IDg are for every group of the IKE SA.
 */
static bool is_for_group(const struct mgroup *g, const struct ike_id *idg,
			 const struct gike_inband *msg)
{
	if (idg)
		return id_equal(&g->idg, idg);
	return !msg->has_keys || flows_in(g, &msg->gsa);
}

/*
 * Return true if rekeys of @g may come over @sa. The key server uses the IKE SA of
 * the last registration, which other groups may have left for a new one; what comes
 * over any other one is out of date.
 */
static bool may_come_over(const struct mgroup *g, const struct ike_sa *sa)
{
	return sa == g->m->sa || sa == g->inband_sa;
}

static bool is_exclusion(const struct gike_inband *msg)
{
	unsigned int i;

	for (i = 0; i < msg->n_del; i++)
		if (delete_excludes(&msg->del[i]))
			return true;
	return false;
}

static void refuse_keys(struct mgroup *g, struct ike_sa *sa, const char *why)
{
	group_warn(g, "rekey rejected: %s", why);
	snprintf(g->last_error, sizeof(g->last_error), "rekey rejected: %.400s",
		 why);
	/* The answer is empty, so that a report follows (RFC 9838 2.3.2). */
	ike_report(sa, &g->idg, IKE_N_NO_PROPOSAL_CHOSEN);
}

static void apply_keys(struct mgroup *g, struct ike_sa *sa,
		       struct gike_inband *msg)
{
	struct err err = {};
	int ret = install_inband(g, sa, msg, &err);

	if (!ret) {
		inband_watch(g);
		group_debug(g, "rekey accepted: inband");
	} else if (ret == -EPROTO) {
		refuse_keys(g, sa, err.text);
		register_again(g, 0, err.text);
	} else if (ret != -ESTALE) {
		group_warn(g, "rekey rejected: %s", err.text);
		register_again(g, 0, err.text);
	}
}

/*
 * Remember what came before the answer that begins inband rekeys: that answer may be a
 * retransmission, and out of date.
 */
static void note_before_answer(struct mgroup *g, const struct gike_inband *msg)
{
	if (!mgroup_is_registering(g))
		return;
	if (msg->has_keys)
		install_inband_early(g, &msg->gsa);
	else
		g->changed |= is_exclusion(msg);
}

static void handle_message(struct mgroup *g, struct ike_sa *sa,
			   struct gike_inband *msg)
{
	uint64_t before = g->next_seq + 1;

	if (!g->inband || !mgroup_is_in(g)) {
		note_before_answer(g, msg);
		return;
	}
	if (msg->unusable) {
		refuse_keys(g, sa, msg->unusable);
		return;
	}
	if (msg->has_keys)
		apply_keys(g, sa, msg);
	if (!install_deletes(g, msg->del, msg->n_del, before))
		return;
	/* An answer that is on its way may be from before. */
	g->changed |= mgroup_is_registering(g);
	install_excluded(g, "by the key server");
	g->was_deleted = true;
}

void member_inband(struct member *m, struct ike_sa *sa,
		   const struct ike_id *idg, struct gike_inband *msg)
{
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		if (may_come_over(g, sa) && is_for_group(g, idg, msg))
			handle_message(g, sa, msg);
}
