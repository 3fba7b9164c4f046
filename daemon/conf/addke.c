// SPDX-License-Identifier: Apache-2.0
/* Additional key exchanges of IKE SAs (RFC 9370). */
#include <errno.h>

#include "conf/check.h"
#include "crypto/ke.h"

#define POLICY "additional-key-exchange-policy"

static int add_method(struct conf_reader *r, const config_setting_t *s,
		      struct conf_addke *a)
{
	const char *name = conf_text(r, s);
	unsigned int method;

	if (!name)
		return -EINVAL;
	method = ke_by_name(name);
	if (!method)
		return conf_bad(r, s, NULL,
				"\"%s\" is not one of x25519, p-256, p-384, ml-kem-768 and ml-kem-1024",
				name);
	for (size_t i = 0; i < a->n; i++)
		if (a->method[i] == method)
			return conf_bad(r, s, NULL, "\"%s\" is there twice",
					name);
	if (!ke_available(method))
		return conf_bad(r, s, NULL,
				"\"%s\" is not in the OpenSSL of this host, %s; versions from 3.5 on have it",
				name, ke_library());
	a->method[a->n++] = method;
	return 0;
}

int conf_read_addke(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_field *f, void *dst)
{
	int n = config_setting_length(s), ret = 0;

	(void)f;
	if ((!config_setting_is_array(s) && !config_setting_is_list(s)) ||
	    n > CONF_MAX_ADDKE)
		return conf_bad(r, s, NULL,
				"has to be a list of at most %d methods, [ \"ml-kem-768\" ]",
				CONF_MAX_ADDKE);
	for (int i = 0; i < n && !ret; i++)
		ret = add_method(r, config_setting_get_elem(s, (unsigned int)i),
				 dst);
	return ret;
}

int conf_check_addke(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_addke *a)
{
	const config_setting_t *policy = config_setting_get_member(s, POLICY);

	if (!policy || a->n)
		return 0;
	return conf_bad(r, policy, NULL,
			"there is no additional-key-exchange that it could be about: add that, or remove this");
}

const struct conf_word conf_addke_policies[] = { { "offered", false },
						 { "required", true },
						 { 0 } };
