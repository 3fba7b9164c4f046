/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents in JSON that administrators sign: the policy of a group, or an order, as
 * the schema has them under policy-document and order-document. The settings of a
 * policy have the names and values of mcsecd.conf(5), and are read by the same tables.
 */
#ifndef CONF_DOCUMENT_H
#define CONF_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "lib/err.h"

/* Largest version of a document: a JSON number is exact up to it. */
#define DOCUMENT_VERSION_MAX ((1LL << 53) - 1)

enum conf_document_kind {
	DOCUMENT_POLICY,
	DOCUMENT_EVICT,
	DOCUMENT_ADMIT,
};

struct conf_document {
	enum conf_document_kind kind;
	char *key_server; /* identity; NULL in one of an earlier release */
	char *group;
	uint64_t version; /* an order has a number here */
	struct conf_group conf; /* a policy, with all defaults */
	/* An order: */
	char *identity;
	int64_t until; /* in seconds since 1970 */
	bool emergency; /* one administrator is enough, for the beginning */
};

/*
 * Read a document. *@out is freed with conf_document_free(). Returns 0, -EINVAL or
 * -ENOMEM with one line in @err.
 */
int conf_document_parse(const char *text, size_t len,
			struct conf_document **out, struct err *err);
void conf_document_free(struct conf_document *d);

/*
 * Write the settings that a group of the key server, whose identity is @key_server, has
 * in the configuration @file as a document with @version. *@text is freed with free().
 * Returns 0, -ENOENT without that group, or another -errno, with one line in @err.
 */
int conf_document_write(const char *file, const char *key_server,
			const char *group, uint64_t version, char **text,
			struct err *err);

/*
 * Check the groups of @k with each other, as those of a file are. Returns 0, or
 * -EINVAL with one line in @err.
 */
int conf_document_check(const struct conf_gcks *k, struct err *err);

#endif
