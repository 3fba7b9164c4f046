/* SPDX-License-Identifier: Apache-2.0 */
/* An object of JSON with all that it has, one name and value a line, for people. */
#ifndef MCSECCTL_DETAILS_H
#define MCSECCTL_DETAILS_H

#include <jansson.h>

#include "table.h"

/*
 * Print what is in @o, without empty texts, and without objects in it. Numbers have
 * units, which are known by the name. @indent is put before each line.
 */
void print_details(const json_t *o, const char *indent);

#endif
