/* SPDX-License-Identifier: Apache-2.0 */
/* Help on what is no command. */
#ifndef MCSECCTL_TOPICS_H
#define MCSECCTL_TOPICS_H

#include <stdbool.h>
#include <stdio.h>

/* Print the help on a topic. Returns false if there is none of this name. */
bool print_topic(const char *name);
/* Print the names of all topics, on a line. */
void list_topics(FILE *to);

#endif
