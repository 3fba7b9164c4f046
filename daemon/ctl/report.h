/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of the roles as JSON, without any key. The caller owns what is returned;
 * NULL without memory, which jansson accepts and passes on.
 */
#ifndef CTL_REPORT_H
#define CTL_REPORT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct crls;
struct gcks;
struct ike_engine;
struct member;
struct trail_state;
struct trust;

/*
 * @group selects one group, or all if it is NULL. *@found is set to 1 if there
 * is one, and unchanged otherwise.
 */
json_t *report_gcks(struct gcks *k, struct ike_engine *engine,
		    const char *group, int *found);
json_t *report_member(struct member *m, struct ike_engine *engine,
		      const char *group, int *found);
json_t *report_rosters(struct gcks *k, const char *group, int *found);
/* The state of the audit trail. */
json_t *report_trail(const struct trail_state *s);
/*
 * The revocation lists, as they are at @now (seconds since 1970), and CAs of @trust
 * without one.
 */
json_t *report_crls(const struct crls *crls, const struct trust *trust,
		    int64_t now);
/* Return at most @max lines of the audit trail with seq > @after, oldest first. */
json_t *report_audit(struct gcks *k, uint64_t after, size_t max);
/* Return @s as a JSON string, or a replacement if it is not UTF-8. */
json_t *report_text(const char *s);

#endif
