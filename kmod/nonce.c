// SPDX-License-Identifier: GPL-2.0-only
#include "nonce.h"
#include "esp.h"

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/mcsec.h>

struct claim {
	struct hlist_node node;
	struct list_head age;
	u64 hash;
	bool ordinary;
};

/* All claims by hash; claims_lock. */
static DEFINE_HASHTABLE(claims, 12);

/*
 * Claims by age; claims_lock. The first list is that of the host, and the second
 * that of unprivileged user namespaces, which must not displace the former.
 */
static struct list_head oldest_first[2] = {
	LIST_HEAD_INIT(oldest_first[0]),
	LIST_HEAD_INIT(oldest_first[1]),
};

static unsigned int n_claims[2];
static DEFINE_MUTEX(claims_lock);

static siphash_key_t secret __read_mostly;

/*
 * The identity of a claim. AES-GCM and AES-GMAC use the same nonces under a
 * key, so they count as one cipher.
 */
struct claim_id {
	u8 key[MCSEC_KEY_MAX];
	u8 key_len;
	u8 aes;
	u8 bits;
	u8 whole; /* the claim is for the key with these @bits */
	u32 sid;
} __aligned(SIPHASH_ALIGNMENT);

static u64 hash_of(struct claim_id *subject, u32 bits, u32 sid, bool whole)
{
	subject->bits = bits;
	subject->sid = sid;
	subject->whole = whole;
	return siphash(subject, sizeof(*subject), &secret);
}

static bool claim_known(u64 hash)
{
	struct claim *claim;

	hash_for_each_possible(claims, claim, node, hash)
		if (claim->hash == hash)
			return true;
	return false;
}

static void claim_add(struct claim *claim, u64 hash, bool ordinary)
{
	struct claim *old;

	claim->hash = hash;
	claim->ordinary = ordinary;
	hash_add(claims, &claim->node, hash);
	list_add_tail(&claim->age, &oldest_first[ordinary]);
	if (++n_claims[ordinary] <= MCSEC_NONCE_MAX)
		return;
	old = list_first_entry(&oldest_first[ordinary], struct claim, age);
	hash_del(&old->node);
	list_del(&old->age);
	n_claims[ordinary]--;
	kfree(old);
}

/* Return true if the list of @ordinary has the claim, and make it the newest of it. */
static bool claim_renew(u64 hash, bool ordinary)
{
	struct claim *claim;

	hash_for_each_possible(claims, claim, node, hash) {
		if (claim->hash != hash || claim->ordinary != ordinary)
			continue;
		list_move_tail(&claim->age, &oldest_first[ordinary]);
		return true;
	}
	return false;
}

static void free_list(struct list_head *list)
{
	struct claim *claim, *next;

	list_for_each_entry_safe(claim, next, list, age)
		kfree(claim);
}

/* Allocate a claim for each Sender-ID, and one for the key. */
static int alloc_claims(struct list_head *fresh, unsigned int n)
{
	struct claim *claim;
	unsigned int i;

	for (i = 0; i < n + 1; i++) {
		claim = kmalloc(sizeof(*claim), GFP_KERNEL_ACCOUNT);
		if (!claim) {
			free_list(fresh);
			return -ENOMEM;
		}
		list_add(&claim->age, fresh);
	}
	return 0;
}

static int check_nonces(struct claim_id *subject,
			const struct mcsec_nonces *nonces, unsigned int *bad)
{
	static const u32 all_bits[] = { 8, 12, 16 };
	unsigned int i;

	/* Sender-IDs of different widths may have the same IVs, so a key has
	 * one width.
	 */
	for (i = 0; i < ARRAY_SIZE(all_bits); i++)
		if (all_bits[i] != nonces->bits &&
		    claim_known(hash_of(subject, all_bits[i], 0, true)))
			return -ENOTUNIQ;
	for (i = 0; i < nonces->n; i++) {
		*bad = i;
		if (claim_known(hash_of(subject, nonces->bits, nonces->sids[i],
					false)))
			return -EEXIST;
	}
	return 0;
}

/* Enter the claims, and take over @fresh. */
static void add_claims(struct claim_id *subject,
		       const struct mcsec_nonces *nonces,
		       struct list_head *fresh)
{
	struct claim *claim, *next;
	unsigned int i = 0;
	u64 hash;

	list_for_each_entry_safe(claim, next, fresh, age) {
		list_del(&claim->age);
		if (i < nonces->n) {
			hash = hash_of(subject, nonces->bits, nonces->sids[i],
				       false);
			claim_add(claim, hash, nonces->ordinary);
		} else {
			hash = hash_of(subject, nonces->bits, 0, true);
			if (claim_renew(hash, nonces->ordinary))
				kfree(claim);
			else
				claim_add(claim, hash, nonces->ordinary);
		}
		i++;
	}
}

int mcsec_nonce_claim(const struct mcsec_nonces *nonces, unsigned int *bad)
{
	struct claim_id subject;
	LIST_HEAD(fresh);
	int err;

	memset(&subject, 0, sizeof(subject));
	memcpy(subject.key, nonces->key, nonces->key_len);
	subject.key_len = nonces->key_len;
	subject.aes = nonces->alg != MCSEC_ALG_CHACHA20_POLY1305;
	err = alloc_claims(&fresh, nonces->n);
	if (!err) {
		mutex_lock(&claims_lock);
		err = check_nonces(&subject, nonces, bad);
		if (!err)
			add_claims(&subject, nonces, &fresh);
		mutex_unlock(&claims_lock);
		if (err)
			free_list(&fresh);
	}
	memzero_explicit(&subject, sizeof(subject));
	return err;
}

void mcsec_nonce_init(void)
{
	get_random_bytes(&secret, sizeof(secret));
}

void mcsec_nonce_exit(void)
{
	free_list(&oldest_first[0]);
	free_list(&oldest_first[1]);
}
