// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of the cipher alone: encrypt and decrypt of one buffer in place,
 * with the associated data that ESP has, measured when the module is loaded.
 * The result is the time stamp counter's difference per pair, in the kernel's
 * log. Loading fails on purpose, so that it can be loaded again.
 *
 *	insmod aead.ko name='rfc4106(gcm(aes))' key=20 text=76
 */
#include <crypto/aead.h>
#include <linux/bottom_half.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <asm/msr.h>

#define HEAD 16
#define ICV 16
#define ROUNDS 2000

static char *name = "rfc4106(gcm(aes))";
module_param(name, charp, 0400);
static unsigned int key = 20;
module_param(key, uint, 0400);
static unsigned int text = 64;
module_param(text, uint, 0400);

static int measure(struct crypto_aead *tfm, struct aead_request *req, u8 *buf)
{
	struct scatterlist sg;
	u8 secret[64], iv[8] = {};
	unsigned int i;
	u64 t0 = 0;
	int err;

	get_random_bytes(secret, sizeof(secret));
	err = crypto_aead_setkey(tfm, secret, key);
	err = err ?: crypto_aead_setauthsize(tfm, ICV);
	if (err)
		return err;
	sg_init_one(&sg, buf, HEAD + text + ICV);
	aead_request_set_callback(req, 0, NULL, NULL);
	aead_request_set_ad(req, HEAD);
	local_bh_disable();
	/* The first half is to warm up. */
	for (i = 0; i < 2 * ROUNDS && !err; i++) {
		if (i == ROUNDS)
			t0 = rdtsc();
		aead_request_set_crypt(req, &sg, &sg, text, iv);
		err = crypto_aead_encrypt(req);
		if (err)
			break;
		aead_request_set_crypt(req, &sg, &sg, text + ICV, iv);
		err = crypto_aead_decrypt(req);
	}
	t0 = rdtsc() - t0;
	local_bh_enable();
	if (err)
		return err;
	pr_info("mcsec-aead: %s %u octets: %llu\n", name, text, t0 / ROUNDS);
	return -EAGAIN;
}

static int __init aead_init(void)
{
	struct aead_request *req;
	struct crypto_aead *tfm;
	int err = -ENOMEM;
	u8 *buf;

	if (key > 64 || text > 9000)
		return -EINVAL;
	tfm = crypto_alloc_aead(name, 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	req = aead_request_alloc(tfm, GFP_KERNEL);
	buf = kzalloc(HEAD + text + ICV, GFP_KERNEL);
	if (req && buf)
		err = measure(tfm, req, buf);
	kfree(buf);
	aead_request_free(req);
	crypto_free_aead(tfm);
	return err;
}

module_init(aead_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("mcsec: cost of a cipher alone");
