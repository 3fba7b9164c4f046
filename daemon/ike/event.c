// SPDX-License-Identifier: Apache-2.0
/* Events about peers, for log, audit trail and status. */
#include <stdarg.h>
#include <stdio.h>

#include "ike/sa.h"
#include "lib/clock.h"

/* One line in so long tells of limits; all are counted. */
#define CAP_INTERVAL_MS 1000

void engine_event(struct ike_engine *engine, enum ike_event_type type,
		  const struct ep *peer, const char *name, const char *text)
{
	struct ike_event ev = {
		.type = type,
		.peer = peer,
		.peer_name = name,
		.text = text,
	};

	if (engine->ops.event)
		engine->ops.event(engine->ctx, &ev);
}

void sa_event(struct ike_sa *sa, enum ike_event_type type, const char *text)
{
	engine_event(sa->engine, type, &sa->path.peer, sa_peer_name(sa), text);
}

void engine_request_refused(struct ike_engine *engine, const struct ep *peer,
			    const char *fmt, ...)
{
	char text[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	engine_event(engine, IKE_EV_REQUEST_REFUSED, peer, "", text);
}

void engine_cap(struct ike_engine *engine, const struct ep *peer,
		const char *what)
{
	uint64_t now = clock_mono_ms(engine->cfg.clock);

	engine->stats.cap++;
	if (engine->cap_said_ms && now - engine->cap_said_ms < CAP_INTERVAL_MS)
		return;
	engine->cap_said_ms = now ? now : 1;
	engine_event(engine, IKE_EV_CAP, peer, "", what);
}
