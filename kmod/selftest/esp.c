// SPDX-License-Identifier: GPL-2.0-only
/*
 * Known answers for the three transforms as ESP uses them: SPI and sequence
 * number are associated data, followed by the IV, and the salt is at the end of
 * the key. The AES answers were computed with OpenSSL from the definitions in
 * RFC 4106 and RFC 4543. Their IV has the Sender-ID 0x1234 of 16 bits and the
 * counter 5.
 */
#include <linux/completion.h>

struct esp_vector {
	const char *name;
	u32 alg;
	const u8 *key;
	unsigned int key_len;
	const u8 *head; /* SPI, sequence number, IV */
	const u8 *text; /* payload, padding, trailer */
	unsigned int text_len;
	const u8 *answer; /* ciphertext and ICV */
};

static const struct esp_vector esp_vectors[] __initconst = {
	{
		.name = "AES-GCM-16, 128 bits",
		.alg = MCSEC_ALG_AES_GCM_16,
		.key_len = 20,
		.text_len = 16,
		.key = "\x00\x01\x02\x03\x04\x05\x06\x07"
		       "\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
		       "\xa0\xa1\xa2\xa3",
		.head = "\x00\x00\x10\x01\x00\x00\x00\x05"
			"\x12\x34\x00\x00\x00\x00\x00\x05",
		.text = "\x0f\xa0\x13\x88\x00\x0d\x00\x00"
			"\x6d\x63\x73\x65\x63\x01\x01\x11",
		.answer = "\xc6\x03\x40\xe6\x50\x93\x54\xf6"
			  "\x68\x97\x69\x9c\xb9\x2a\x5e\x34"
			  "\x16\x5c\x94\x0f\xb1\x9f\x69\x65"
			  "\xff\xd9\xd9\x41\xda\x6f\x3a\x18",
	},
	{
		.name = "AES-GCM-16, 256 bits",
		.alg = MCSEC_ALG_AES_GCM_16,
		.key_len = 36,
		.text_len = 16,
		.key = "\x00\x01\x02\x03\x04\x05\x06\x07"
		       "\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
		       "\x10\x11\x12\x13\x14\x15\x16\x17"
		       "\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
		       "\xa0\xa1\xa2\xa3",
		.head = "\x00\x00\x10\x01\x00\x00\x00\x05"
			"\x12\x34\x00\x00\x00\x00\x00\x05",
		.text = "\x0f\xa0\x13\x88\x00\x0d\x00\x00"
			"\x6d\x63\x73\x65\x63\x01\x01\x11",
		.answer = "\xcb\x03\xf6\x70\xdc\xc0\x91\xa3"
			  "\xf6\xd2\xb6\x78\x1a\xb6\x7b\xaf"
			  "\x28\x34\x16\x6b\x5c\x93\x72\xbb"
			  "\x09\xac\x60\xbe\xa8\x4f\x08\xf7",
	},
	{
		.name = "AES-GMAC, 128 bits",
		.alg = MCSEC_ALG_AES_GMAC,
		.key_len = 20,
		.text_len = 16,
		.key = "\x00\x01\x02\x03\x04\x05\x06\x07"
		       "\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
		       "\xa0\xa1\xa2\xa3",
		.head = "\x00\x00\x10\x01\x00\x00\x00\x05"
			"\x12\x34\x00\x00\x00\x00\x00\x05",
		.text = "\x0f\xa0\x13\x88\x00\x0d\x00\x00"
			"\x6d\x63\x73\x65\x63\x01\x01\x11",
		.answer = "\x0f\xa0\x13\x88\x00\x0d\x00\x00"
			  "\x6d\x63\x73\x65\x63\x01\x01\x11"
			  "\x76\x80\x81\x78\x76\x08\x93\xbf"
			  "\x29\x63\xa5\x2c\x81\xb7\x7d\xee",
	},
	{
		.name = "AES-GMAC, 256 bits",
		.alg = MCSEC_ALG_AES_GMAC,
		.key_len = 36,
		.text_len = 16,
		.key = "\x00\x01\x02\x03\x04\x05\x06\x07"
		       "\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
		       "\x10\x11\x12\x13\x14\x15\x16\x17"
		       "\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
		       "\xa0\xa1\xa2\xa3",
		.head = "\x00\x00\x10\x01\x00\x00\x00\x05"
			"\x12\x34\x00\x00\x00\x00\x00\x05",
		.text = "\x0f\xa0\x13\x88\x00\x0d\x00\x00"
			"\x6d\x63\x73\x65\x63\x01\x01\x11",
		.answer = "\x0f\xa0\x13\x88\x00\x0d\x00\x00"
			  "\x6d\x63\x73\x65\x63\x01\x01\x11"
			  "\x10\x3e\x37\x70\x54\xb4\x86\x6a"
			  "\x57\xe6\x6c\xe4\x41\x3e\x3f\xc6",
	},
	{
		.name = "RFC 7634, appendix A",
		.alg = MCSEC_ALG_CHACHA20_POLY1305,
		.key_len = 36,
		.text_len = 88,
		.key = "\x80\x81\x82\x83\x84\x85\x86\x87"
		       "\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
		       "\x90\x91\x92\x93\x94\x95\x96\x97"
		       "\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
		       "\xa0\xa1\xa2\xa3",
		.head = "\x01\x02\x03\x04\x00\x00\x00\x05"
			"\x10\x11\x12\x13\x14\x15\x16\x17",
		.text = "\x45\x00\x00\x54\xa6\xf2\x00\x00"
			"\x40\x01\xe7\x78\xc6\x33\x64\x05"
			"\xc0\x00\x02\x05\x08\x00\x5b\x7a"
			"\x3a\x08\x00\x00\x55\x3b\xec\x10"
			"\x00\x07\x36\x27\x08\x09\x0a\x0b"
			"\x0c\x0d\x0e\x0f\x10\x11\x12\x13"
			"\x14\x15\x16\x17\x18\x19\x1a\x1b"
			"\x1c\x1d\x1e\x1f\x20\x21\x22\x23"
			"\x24\x25\x26\x27\x28\x29\x2a\x2b"
			"\x2c\x2d\x2e\x2f\x30\x31\x32\x33"
			"\x34\x35\x36\x37\x01\x02\x02\x04",
		.answer = "\x24\x03\x94\x28\xb9\x7f\x41\x7e"
			  "\x3c\x13\x75\x3a\x4f\x05\x08\x7b"
			  "\x67\xc3\x52\xe6\xa7\xfa\xb1\xb9"
			  "\x82\xd4\x66\xef\x40\x7a\xe5\xc6"
			  "\x14\xee\x80\x99\xd5\x28\x44\xeb"
			  "\x61\xaa\x95\xdf\xab\x4c\x02\xf7"
			  "\x2a\xa7\x1e\x7c\x4c\x4f\x64\xc9"
			  "\xbe\xfe\x2f\xac\xc6\x38\xe8\xf3"
			  "\xcb\xec\x16\x3f\xac\x46\x9b\x50"
			  "\x27\x73\xf6\xfb\x94\xe6\x64\xda"
			  "\x91\x65\xb8\x28\x29\xf6\x41\xe0"
			  "\x76\xaa\xa8\x26\x6b\x7f\xb0\xf7"
			  "\xb1\x1b\x36\x99\x07\xe1\xad\x43",
	},
};

struct esp_test {
	struct completion done;
	int err;
};

/* Not __init: a cipher's worker returns from here after the thread that was
 * woken may have ended the module's init and had its text freed.
 */
static void test_done(struct mcsec_op *op, int err)
{
	struct esp_test *test = (void *)op->pkt.sa;

	test->err = err;
	complete(&test->done);
}

/* Return the result of the cipher, also if it is asynchronous. */
static int __init test_run(struct mcsec_cipher *cipher, struct sk_buff *skb,
			   bool encrypt)
{
	struct nf_hook_state state = { .net = &init_net };
	struct esp_test test = {};
	struct mcsec_pkt pkt = {
		.skb = skb,
		.state = &state,
		.sa = (void *)&test,
		.cipher = cipher,
		.plaintext_len = skb->len - MCSEC_HEAD - MCSEC_ICV,
	};
	struct mcsec_op *op;
	int err;

	init_completion(&test.done);
	local_bh_disable();
	if (!mcsec_op_get(cipher, 1, &op)) {
		local_bh_enable();
		return -ENOMEM;
	}
	err = encrypt ? mcsec_op_encrypt(op, &pkt, 1)
		      : mcsec_op_decrypt(op, &pkt);
	if (err == -EINPROGRESS)
		mcsec_op_park(op, &pkt, test_done);
	local_bh_enable();
	if (err == -EINPROGRESS) {
		wait_for_completion(&test.done);
		err = test.err;
		mcsec_deferred_release(&op->deferred);
	}
	local_bh_disable();
	mcsec_op_put(op);
	local_bh_enable();
	return err;
}

/* With @direct the library is used where possible. */
static bool __init test_vector(const struct esp_vector *v, bool direct)
{
	unsigned int len = MCSEC_HEAD + v->text_len + MCSEC_ICV;
	struct mcsec_cipher *cipher;
	struct sk_buff *skb;
	bool ok = false;
	unsigned int i;

	cipher = mcsec_cipher_create(v->alg, v->key, v->key_len);
	if (IS_ERR(cipher)) {
		/* A kernel may lack a cipher, which is no failure. */
		pr_info("mcsec: self-test skipped: %s: no such cipher here\n",
			v->name);
		return PTR_ERR(cipher) == -ENOENT;
	}
	cipher->direct &= direct;
	skb = alloc_skb(len, GFP_KERNEL);
	if (!skb)
		goto out;
	skb_put_data(skb, v->head, MCSEC_HEAD);
	skb_put_data(skb, v->text, v->text_len);
	skb_put_zero(skb, MCSEC_ICV);

	if (test_run(cipher, skb, true) ||
	    memcmp(skb->data, v->head, MCSEC_HEAD) ||
	    memcmp(skb->data + MCSEC_HEAD, v->answer, v->text_len + MCSEC_ICV))
		goto out;
	if (test_run(cipher, skb, false) ||
	    memcmp(skb->data + MCSEC_HEAD, v->text, v->text_len))
		goto out;
	/* The ICV covers every octet, so any change is detected. */
	for (i = 0; i < len; i++) {
		memcpy(skb->data, v->head, MCSEC_HEAD);
		memcpy(skb->data + MCSEC_HEAD, v->answer,
		       v->text_len + MCSEC_ICV);
		skb->data[i] ^= 1;
		if (test_run(cipher, skb, false) != -EBADMSG)
			goto out;
	}
	ok = true;
out:
	kfree_skb(skb);
	mcsec_cipher_free(cipher);
	return ok;
}

/*
 * A packet may contain a page that someone else uses, without a mark in the
 * skb. The writable packet must not contain that page.
 */
static bool __init test_page(void)
{
	struct sk_buff *skb = alloc_skb(128, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL);
	bool ok = false;
	u8 *data;
	int i;

	if (!skb || !page)
		goto out;
	data = page_address(page);
	memset(data, 0x5a, 256);
	skb_put_data(skb, data, 64);
	get_page(page);
	skb_add_rx_frag(skb, 0, page, 0, 256, PAGE_SIZE);
	if (!mcsec_esp_writable(skb) || skb_is_nonlinear(skb) ||
	    skb->len != 64 + 256)
		goto out;
	ok = true;
	for (i = 0; i < skb->len; i++) {
		ok &= skb->data[i] == 0x5a;
		skb->data[i] = 0;
	}
	for (i = 0; i < 256; i++)
		ok &= data[i] == 0x5a;
out:
	kfree_skb(skb);
	if (page)
		put_page(page);
	return ok;
}

bool __init mcsec_esp_selftest(void)
{
	unsigned int i;
	bool ok = true;

	if (!test_page()) {
		pr_err("mcsec: self-test failed: shared pages\n");
		ok = false;
	}

	for (i = 0; i < ARRAY_SIZE(esp_vectors); i++) {
		if (!test_vector(&esp_vectors[i], true) ||
		    !test_vector(&esp_vectors[i], false)) {
			pr_err("mcsec: self-test failed: %s\n",
			       esp_vectors[i].name);
			ok = false;
		}
	}
	if (ok)
		pr_info("mcsec: self-test passed: ESP\n");
	return ok;
}
