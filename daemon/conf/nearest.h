/* SPDX-License-Identifier: Apache-2.0 */
/* The word that somebody may have meant. */
#ifndef CONF_NEAREST_H
#define CONF_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * List the words that @get enumerates, until it returns NULL, and that are nearest to
 * @bad if they are near enough, or else all of them. Returns true for the former.
 */
bool conf_nearest(const char *(*get)(const void *arg, size_t i),
		  const void *arg, const char *bad, char *buf, size_t size);

#endif
