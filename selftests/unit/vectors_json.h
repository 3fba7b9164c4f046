/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the JSON objects in Documentation/vectors. */
#ifndef VECTORS_JSON_H
#define VECTORS_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/proto.h"

/* Return the hex digits, which the caller frees. */
static inline char *hex_text(const uint8_t *p, size_t len)
{
	char *text = malloc(2 * len + 1);
	size_t i;

	if (!text)
		abort();
	text[0] = '\0';
	for (i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	return text;
}

static inline void put_text(json_t *o, const char *key, const char *value)
{
	if (json_object_set_new(o, key, json_string(value)))
		abort();
}

static inline void put_int(json_t *o, const char *key, uint64_t value)
{
	if (json_object_set_new(o, key, json_integer((json_int_t)value)))
		abort();
}

static inline void put_hex(json_t *o, const char *key, const uint8_t *p,
			   size_t len)
{
	char *text = hex_text(p, len);

	put_text(o, key, text);
	free(text);
}

static inline const char *exchange_text(uint8_t xchg)
{
	switch (xchg) {
	case IKE_XCHG_IKE_SA_INIT:
		return "IKE_SA_INIT";
	case IKE_XCHG_IKE_AUTH:
		return "IKE_AUTH";
	case IKE_XCHG_CREATE_CHILD_SA:
		return "CREATE_CHILD_SA";
	case IKE_XCHG_INFORMATIONAL:
		return "INFORMATIONAL";
	case GIKE_XCHG_GSA_AUTH:
		return "GSA_AUTH";
	case GIKE_XCHG_GSA_REGISTRATION:
		return "GSA_REGISTRATION";
	case GIKE_XCHG_GSA_REKEY:
		return "GSA_REKEY";
	case GIKE_XCHG_GSA_INBAND_REKEY:
		return "GSA_INBAND_REKEY";
	case IKE_XCHG_IKE_INTERMEDIATE:
		return "IKE_INTERMEDIATE";
	case IKE_XCHG_IKE_FOLLOWUP_KE:
		return "IKE_FOLLOWUP_KE";
	default:
		abort();
	}
}

#endif
