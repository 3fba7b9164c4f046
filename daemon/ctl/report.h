/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the roles know, as JSON. No key is in any of it. NULL when memory is
 * out, which jansson takes and passes on.
 */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct gcks;
struct ike_engine;
struct member;

/*
 * @group NULL: all of them. *@found is set to 1 when there was one, else left
 * alone.
 */
json_t *report_gcks(struct gcks *k, struct ike_engine *engine,
		    const char *group, int *found);
json_t *report_member(struct member *m, struct ike_engine *engine,
		      const char *group, int *found);
json_t *report_rosters(struct gcks *k, const char *group, int *found);
json_t *report_audit(struct gcks *k, uint64_t after, size_t max);
/* @s, or what stands for it when it is not UTF-8. */
json_t *report_text(const char *s);

#endif
