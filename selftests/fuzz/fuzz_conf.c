// SPDX-License-Identifier: Apache-2.0
/* The configuration: any input gives an error or a complete struct conf. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* Libconfig 1.5 does not free its input after a syntax error. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct err err = {};
	struct conf *c = NULL;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	/* Libconfig would open files named by the input. */
	if (strstr(text, "@include"))
		goto out;
	if (conf_parse(text, "fuzz", &c, &err)) {
		if (!err.text[0] || strncmp(err.text, "fuzz:", 5))
			abort();
	} else if (!c || (!c->gcks && !c->member)) {
		abort();
	}
	conf_free(c);
out:
	free(text);
	return 0;
}
