// SPDX-License-Identifier: Apache-2.0
/* The policy of the key server is accepted if it fits the configuration. */
#include <errno.h>
#include <string.h>

#include "lib/util.h"
#include "member/mgroup.h"

uint32_t accept_age_s(const struct mgroup *g, const struct gsa_gw *gw)
{
	uint64_t s = msec_to_sec_up(age_most_ms(g, gw));

	return s < UINT32_MAX ? s : UINT32_MAX;
}

int accept_alg(const struct gsa_sa *sa, enum mcsec_alg *alg)
{
	switch (sa->encr) {
	case IKE_ENCR_AES_GCM_16:
		*alg = MCSEC_ALG_AES_GCM_16;
		break;
	case IKE_ENCR_NULL_AUTH_AES_GMAC:
		*alg = MCSEC_ALG_AES_GMAC;
		break;
	case IKE_ENCR_CHACHA20_POLY1305:
		*alg = MCSEC_ALG_CHACHA20_POLY1305;
		break;
	default:
		return -ENOTSUP;
	}
	return kalg_key_ok(*alg, gsa_keymat_len(sa)) ? 0 : -ENOTSUP;
}

/*
 * The kernel's groups protect what is configured. If the key server keyed more,
 * the rest would leave in the clear; if it keyed less, other members would not
 * understand what this host protects.
 */
static int check_only_selector(const struct mgroup *g, const struct gsa_sa *sa,
			       struct err *err)
{
	char want[SELECTOR_STRLEN], got[SELECTOR_STRLEN];
	const struct selector *conf = &g->conf->sel;
	struct selector sel;
	const char *how;

	selector_str(conf, want);
	if (ts_to_selector(&sa->src, &sa->dst, &sel))
		return err_set(err, -EPROTO,
			       "Data SA has traffic selectors that no group can have, configured is %s",
			       want);
	if (selector_equal(&sel, conf))
		return 0;
	how = selector_within(conf, &sel)   ? ", which is more"
	      : selector_within(&sel, conf) ? ", which is less"
					    : "";
	return err_set(err, -EPROTO,
		       "Data SA is for %s%s, configured is %s: %s differs",
		       selector_str(&sel, got), how, want,
		       selector_differs(&sel, conf));
}

static int check_selector(const struct mgroup *g, const struct gsa_sa *sa,
			  struct err *err)
{
	char got[SELECTOR_STRLEN];
	struct selector sel;

	if (mgroup_flows(g) == 1)
		return check_only_selector(g, sa, err);
	if (ts_to_selector(&sa->src, &sa->dst, &sel))
		return err_set(err, -EPROTO,
			       "Data SA has traffic selectors that no group can have");
	if (conf_flow_of(g->conf, &sel) < 0)
		return err_set(err, -EPROTO,
			       "Data SA is for %s, which is in no entry of data in the configuration",
			       selector_str(&sel, got));
	return 0;
}

/* Without a Data SA a flow would be closed, and nobody would know why. */
static int check_flows(const struct mgroup *g, const struct gsa *gsa,
		       struct err *err)
{
	unsigned int i, flows = flows_in(g, gsa);
	char want[SELECTOR_STRLEN];

	for (i = 0; i < mgroup_flows(g); i++)
		if (!(flows & 1u << i))
			return err_set(err, -EPROTO,
				       "no Data SA for %s, which is configured",
				       selector_str(conf_flow_sel(g->conf, i),
						    want));
	return 0;
}

static int check_data_sa(const struct mgroup *g, const struct gsa_sa *sa,
			 uint32_t age, struct err *err)
{
	enum mcsec_alg alg;

	if (sa->proto != IKE_PROTO_ESP)
		return err_set(err, -EPROTO, "Data SA is not ESP");
	if (check_selector(g, sa, err))
		return -EPROTO;
	if (accept_alg(sa, &alg))
		return err_set(err, -EPROTO,
			       "Data SA has an algorithm that is not supported");
	if (get_unaligned_be32(sa->spi) < ESP_SPI_MIN)
		return err_set(err, -EPROTO, "Data SA has a reserved SPI");
	/* Inband it is optional in RFC 9838, but here no key is without end. */
	if (!(sa->has & GSA_HAS_LIFETIME))
		return err_set(err, -EPROTO,
			       "Data SA without GSA_KEY_LIFETIME");
	if (sa->lifetime <= age)
		return err_set(err, -EPROTO, "Data SA has ended already");
	return 0;
}

int accept_policy(const struct mgroup *g, const struct gsa *gsa, bool transport,
		  bool all, struct err *err)
{
	uint32_t age = accept_age_s(g, &gsa->gw);
	unsigned int i;
	int ret;

	/*
	 * groupreq.c has compared the answer to a registration with its SAg, but
	 * nobody asks for a rekey. In particular, implicit authentication by the
	 * group key is rejected, since any member could forge a rekey.
	 */
	if (!sag_covers(sag_default(), gsa, err))
		return -EPROTO;
	if (gsa->n_data && transport != !g->conf->tunnel)
		return err_set(err, -EPROTO,
			       "Data SA is for %s mode, configured is %s",
			       transport ? "transport" : "tunnel",
			       g->conf->tunnel ? "tunnel" : "transport");
	if (gsa->has_rekey && gsa->rekey.lifetime <= age)
		return err_set(err, -EPROTO, "Rekey SA has ended already");
	for (i = 0; i < gsa->n_data; i++) {
		ret = check_data_sa(g, &gsa->data[i], age, err);
		if (ret)
			return ret;
	}
	return all ? check_flows(g, gsa, err) : 0;
}

void accept_store_algs(struct mgroup *g, const struct gsa *gsa)
{
	unsigned int i;
	int flow;

	g->algs = (struct algs){
		.rekey_encr = gsa->rekey.encr,
		.rekey_bits = gsa->rekey.key_bits,
		.kwa = gsa->rekey.kwa,
	};
	for (i = 0; i < gsa->n_data; i++) {
		flow = flow_of(g, &gsa->data[i]);
		if (flow < 0)
			continue;
		g->algs.data_encr[flow] = gsa->data[i].encr;
		g->algs.data_bits[flow] = gsa->data[i].key_bits;
	}
}

/*
 * Another algorithm needs a registration, where the key server's certificate
 * stands for it. The signing key of rekeys alone must not take the encryption
 * of a group away, because it may have been stolen.
 */
int accept_algs(const struct mgroup *g, const struct gsa *gsa, struct err *err)
{
	const struct algs *a = &g->algs;
	unsigned int i;
	int flow;

	for (i = 0; i < gsa->n_data; i++) {
		flow = flow_of(g, &gsa->data[i]);
		if (flow < 0 || gsa->data[i].encr != a->data_encr[flow] ||
		    gsa->data[i].key_bits != a->data_bits[flow])
			return err_set(err, -EPROTO,
				       "another algorithm of the Data SA");
	}
	if (!gsa->has_rekey)
		return 0;
	if (gsa->rekey.encr != a->rekey_encr ||
	    gsa->rekey.key_bits != a->rekey_bits || gsa->rekey.kwa != a->kwa)
		return err_set(err, -EPROTO,
			       "another algorithm of the Rekey SA");
	return 0;
}

int accept_sender_ids(const struct mgroup *g, const struct gsa *gsa,
		      const struct kd *kd, struct err *err)
{
	uint16_t bits = gsa->gw.sender_id_bits;
	unsigned int i;

	if (!g->conf->send)
		return 0;
	if (!kd->n_sender_ids || kd->n_sender_ids > MCSEC_SENDER_IDS_MAX)
		return err_set(err, -EPROTO, "%u Sender-IDs for a sender",
			       kd->n_sender_ids);
	if (bits != 8 && bits != 12 && bits != SID_BITS_MAX)
		return err_set(err, -EPROTO, "Sender-IDs of %u bits", bits);
	for (i = 0; i < kd->n_sender_ids; i++)
		if (kd->sender_ids[i] >> bits)
			return err_set(err, -EPROTO,
				       "a Sender-ID does not fit %u bits",
				       bits);
	return 0;
}

/*
 * Store the first Data SA that is not configured, or else the first: the status shows
 * it.
 */
void accept_store_keyed(struct mgroup *g, const struct gsa *gsa, bool transport)
{
	unsigned int i, at = 0;

	for (i = 0; i < gsa->n_data; i++)
		if (flow_of(g, &gsa->data[i]) < 0) {
			at = i;
			break;
		}
	g->has_keyed = gsa->n_data &&
		       !ts_to_selector(&gsa->data[at].src, &gsa->data[at].dst,
				       &g->keyed);
	g->keyed_tunnel = !transport;
}
