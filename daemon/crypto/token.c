// SPDX-License-Identifier: Apache-2.0
#include "crypto/token.h"

#include <errno.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <string.h>

#include "lib/credential.h"
#include "lib/secret.h"

#define PIN_MAX 1024

/*
 * Write a reason in brackets. The first error is the cause, and those that follow are
 * where it was noticed.
 */
static void take_reason(char *buf, size_t size)
{
	const char *data = "", *reason;
	int flags = 0;
	unsigned long e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	size_t n;

	reason = e ? ERR_reason_error_string(e) : NULL;
	if (!(flags & ERR_TXT_STRING))
		data = "";
	if (reason || *data)
		snprintf(buf, size, " (%s%s%.200s)", reason ? reason : "",
			 reason && *data ? ": " : "", data);
	for (n = 0; buf[n]; n++)
		if ((unsigned char)buf[n] < ' ' || buf[n] == 0x7f)
			buf[n] = ' ';
	ERR_clear_error();
}

int token_failed(const struct token *t, int ret, const char *what,
		 struct err *err)
{
	char reason[400] = "";

	take_reason(reason, sizeof(reason));
	if (t->asked && t->pin)
		return err_set(err, -EKEYREJECTED,
			       "%s; is the PIN in seal-wrap.pin right? It was tried once and is not tried again before the next start%s",
			       what, reason);
	if (t->asked)
		return err_set(err, -EACCES,
			       "%s: a PIN is needed, and seal-wrap.pin does not name one%s",
			       what, reason);
	return err_set(err, ret, "%s%s", what, reason);
}

/* The callback of a provider that wants a PIN, which gets it once. */
static int give_pin(char *buf, int size, int rwflag, void *arg)
{
	struct token *t = arg;
	size_t n = t->pin ? strlen(t->pin) : 0;

	(void)rwflag;
	if (t->asked++ || !n || n > (size_t)size)
		return -1;
	memcpy(buf, t->pin, n);
	return (int)n;
}

static int read_pin(struct token *t, const char *place, struct err *err)
{
	struct err why;
	uint8_t *p;
	size_t n;
	int ret;

	if (!place)
		return 0;
	ret = credential_read(place, PIN_MAX, &p, &n, &why);
	if (ret)
		return err_set(err, -EACCES, "seal-wrap.pin: %s", why.text);
	t->pin = (char *)p;
	/* Editors end a line. */
	while (n && (t->pin[n - 1] == '\n' || t->pin[n - 1] == '\r'))
		t->pin[--n] = '\0';
	if (!n || strlen(t->pin) != n)
		return err_set(err, -EACCES,
			       "seal-wrap.pin: %s: has to be one line of text",
			       place);
	return 0;
}

/* The named provider comes first, or its keys would be copied to the other one. */
static int load_providers(struct token *t, const char *name, struct err *err)
{
	char *file = CONF_get1_default_config_file();
	char what[160];

	t->lib = OSSL_LIB_CTX_new();
	if (!t->lib)
		return err_set(err, -ENOMEM, "out of memory");
	/* A missing file is no error; one with the module's path is needed. */
	if (file)
		OSSL_LIB_CTX_load_config(t->lib, file);
	OPENSSL_free(file);
	ERR_clear_error();
	snprintf(what, sizeof(what),
		 "seal-wrap.provider: OpenSSL cannot load \"%.64s\"", name);
	t->provider = OSSL_PROVIDER_load(t->lib, name);
	if (!t->provider)
		return token_failed(t, -ENODEV, what, err);
	t->other = OSSL_PROVIDER_load(t->lib, "default");
	if (!t->other)
		return token_failed(t, -EIO, "OpenSSL has no default provider",
				    err);
	snprintf(t->props, sizeof(t->props), "?provider=%.64s", name);
	return 0;
}

/* Look for the private key of @cert among those at the URI. Returns their number. */
static size_t match_keys(struct token *t, OSSL_STORE_CTX *store,
			 const X509 *cert)
{
	OSSL_STORE_INFO *info;
	EVP_PKEY *key;
	size_t n = 0;

	while (!t->key && !OSSL_STORE_eof(store)) {
		info = OSSL_STORE_load(store);
		/* A store that is not at its end after an error might never be. */
		if (!info && OSSL_STORE_error(store))
			break;
		if (!info)
			continue;
		key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
		n += !!key;
		ERR_set_mark();
		if (key && X509_check_private_key(cert, key) == 1)
			t->key = key;
		else
			EVP_PKEY_free(key);
		ERR_pop_to_mark();
	}
	return n;
}

static int find_at_uri(struct token *t, const struct envelope_cfg *cfg,
		       const X509 *cert, UI_METHOD *ui, struct err *err)
{
	OSSL_STORE_CTX *store;
	char what[400];
	size_t n;
	int ret = 0;

	snprintf(what, sizeof(what),
		 "seal-wrap.key: provider \"%.64s\" has no private key at \"%.200s\"",
		 cfg->provider, cfg->key);
	store = OSSL_STORE_open_ex(cfg->key, t->lib, t->props, ui, t, NULL,
				   NULL, NULL);
	if (!store)
		return token_failed(t, -ENODEV, what, err);
	OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
	n = match_keys(t, store, cert);
	if (!n)
		ret = token_failed(t, -ENODEV, what, err);
	else if (!t->key)
		ret = err_set(err, -EKEYREJECTED,
			      "seal-wrap.key: the private key at \"%.200s\" is not that of the certificate %.200s",
			      cfg->key, cfg->certificate);
	OSSL_STORE_close(store);
	return ret;
}

int token_open(struct token *t, const struct envelope_cfg *cfg,
	       const X509 *cert, struct err *err)
{
	UI_METHOD *ui;
	int ret;

	*t = (struct token){ 0 };
	ret = read_pin(t, cfg->pin, err);
	if (!ret)
		ret = load_providers(t, cfg->provider, err);
	if (ret)
		return ret;
	ui = UI_UTIL_wrap_read_pem_callback(give_pin, 0);
	if (!ui)
		return err_set(err, -ENOMEM, "out of memory");
	ret = find_at_uri(t, cfg, cert, ui, err);
	UI_destroy_method(ui);
	ERR_clear_error();
	return ret;
}

void token_close(struct token *t)
{
	EVP_PKEY_free(t->key);
	if (t->other)
		OSSL_PROVIDER_unload(t->other);
	if (t->provider)
		OSSL_PROVIDER_unload(t->provider);
	OSSL_LIB_CTX_free(t->lib);
	secret_free(t->pin);
	*t = (struct token){ 0 };
}
