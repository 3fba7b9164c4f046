// SPDX-License-Identifier: Apache-2.0
#include "ruleset.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "lib/selector.h"
#include "lib/util.h"

#define DEPTH_MAX 16

/* Possible ends of a rule or a chain, as bits. */
enum {
	GOES_ON = 1 << 0, /* with the next rule, or behind the chain */
	RETURNS = 1 << 1,
	ACCEPTS = 1 << 2,
	DROPS = 1 << 3,
};

enum fit { FITS_NOT, FITS_PERHAPS, FITS };

struct walk {
	const json_t *all; /* the array "nftables" */
	const struct probe *p;
	const char *family; /* the table's */
	const char *table;
	char *why;
	size_t size;
};

/* ---- values -------------------------------------------------------------- */

/* The content of the packet in the place of a match. */
struct value {
	bool known;
	bool missing; /* the packet has no such place, so nothing matches */
	const struct addr *addr;
	const char *name;
	const char *unlike; /* unknown, but not this name */
	json_int_t number; /* if there is neither address nor name */
};

static enum fit invert_fit(enum fit f)
{
	return f == FITS ? FITS_NOT : f == FITS_NOT ? FITS : FITS_PERHAPS;
}

static enum fit fit_if(bool yes)
{
	return yes ? FITS : FITS_NOT;
}

static enum fit fit_addr(const struct addr *a, const json_t *v)
{
	const json_t *prefix = json_object_get(v, "prefix");
	const json_t *range = json_object_get(v, "range");
	struct addr net, last;
	json_int_t bits;
	const char *s;

	if (range) {
		s = json_string_value(json_array_get(range, 0));
		if (!s || addr_parse(s, &net))
			return FITS_PERHAPS;
		s = json_string_value(json_array_get(range, 1));
		if (!s || addr_parse(s, &last))
			return FITS_PERHAPS;
		return fit_if(addr_cmp(&net, a) <= 0 &&
			      addr_cmp(a, &last) <= 0);
	}
	s = prefix ? json_string_value(json_object_get(prefix, "addr"))
		   : json_string_value(v);
	if (!s || addr_parse(s, &net))
		return FITS_PERHAPS;
	if (!prefix)
		return fit_if(addr_equal(&net, a));
	bits = json_integer_value(json_object_get(prefix, "len"));
	return fit_if(prefix_has(&net, (uint8_t)bits, a));
}

static enum fit fit_name(const char *name, const json_t *v)
{
	const char *s = json_string_value(v);
	size_t len;

	if (!s)
		return FITS_PERHAPS;
	len = strlen(s);
	if (len && s[len - 1] == '*')
		return fit_if(!strncmp(s, name, len - 1));
	return fit_if(!strcmp(s, name));
}

static enum fit fit_number(json_int_t n, const json_t *v)
{
	const json_t *range = json_object_get(v, "range");
	const char *s = json_string_value(v);
	json_int_t first, last;

	if (range) {
		first = json_integer_value(json_array_get(range, 0));
		last = json_integer_value(json_array_get(range, 1));
		return fit_if(first <= n && n <= last);
	}
	if (json_is_integer(v))
		return fit_if(json_integer_value(v) == n);
	/* The name of a protocol. */
	if (s && !strcmp(s, "esp"))
		return fit_if(n == IPPROTO_ESP);
	if (s && !strcmp(s, "ipv6-icmp"))
		return fit_if(n == IPPROTO_ICMPV6);
	return s && proto_find(s) ? fit_if(n == proto_find(s)) : FITS_PERHAPS;
}

static enum fit fit_one(const struct value *is, const json_t *v)
{
	if (is->addr)
		return fit_addr(is->addr, v);
	return is->name ? fit_name(is->name, v) : fit_number(is->number, v);
}

/* Return the elements of the named set, or NULL. */
static const json_t *find_set(const struct walk *w, const char *name)
{
	const json_t *o, *set;
	size_t i;

	json_array_foreach(w->all, i, o) {
		set = json_object_get(o, "set");
		if (set && !strcmp(text_of(set, "name"), name) &&
		    !strcmp(text_of(set, "family"), w->family) &&
		    !strcmp(text_of(set, "table"), w->table))
			return json_object_get(set, "elem");
	}
	return NULL;
}

static enum fit fit_list(const struct walk *w, const struct value *is,
			 const json_t *list);

/* Return how @is fits the right side of a match. */
static enum fit fit_right(const struct walk *w, const struct value *is,
			  const json_t *v)
{
	const char *s = json_string_value(v);
	const json_t *set;

	if (is->missing)
		return FITS_NOT;
	if (!is->known)
		return s && is->unlike && !strcmp(s, is->unlike) ? FITS_NOT
								 : FITS_PERHAPS;
	if (s && *s == '@') {
		set = find_set(w, s + 1);
		return set ? fit_list(w, is, set) : FITS_PERHAPS;
	}
	set = json_object_get(v, "set");
	if (set || json_is_array(v))
		return fit_list(w, is, set ? set : v);
	return fit_one(is, v);
}

static enum fit fit_list(const struct walk *w, const struct value *is,
			 const json_t *list)
{
	enum fit best = FITS_NOT, f;
	const json_t *v, *inner;
	size_t i;

	if (!json_is_array(list))
		return fit_one(is, list);
	json_array_foreach(list, i, v) {
		inner = json_object_get(json_object_get(v, "elem"), "val");
		f = fit_right(w, is, inner ? inner : v);
		if (f > best)
			best = f;
	}
	return best;
}

static struct value number_value(json_int_t n)
{
	return (struct value){ .known = n, .number = n };
}

static struct value addr_value(const struct addr *a)
{
	return (struct value){ .known = !addr_is_none(a), .addr = a };
}

/* The value in a field of a header, such as "udp dport". */
static struct value payload_value(const struct probe *p, const json_t *o)
{
	const char *proto = text_of(o, "protocol"),
		   *field = text_of(o, "field");
	bool v6 = p->family == AF_INET6;
	const struct value missing = { .missing = true }, unknown = {};

	if (!strcmp(proto, "ip") || !strcmp(proto, "ip6")) {
		if (v6 != !strcmp(proto, "ip6"))
			return missing;
		if (!strcmp(field, "saddr"))
			return addr_value(&p->src);
		if (!strcmp(field, "daddr"))
			return addr_value(&p->dst);
		if (!strcmp(field, "protocol") || !strcmp(field, "nexthdr"))
			return number_value(p->proto);
		return unknown;
	}
	if (strcmp(proto, "th") &&
	    fit_number(p->proto, json_object_get(o, "protocol")) == FITS_NOT)
		return missing;
	if (!proto_has_ports(p->proto))
		return strcmp(proto, "th") ? unknown : missing;
	if (!strcmp(field, "dport"))
		return number_value(p->dport);
	return !strcmp(field, "sport") ? number_value(p->sport) : unknown;
}

static struct value meta_value(const struct probe *p, const json_t *o)
{
	const char *key = text_of(o, "key");
	bool v6 = p->family == AF_INET6;
	bool forward = !strcmp(p->hook, "forward");
	bool in = !strcmp(p->hook, "input") || !strcmp(p->hook, "prerouting") ||
		  (forward && !p->leaves);
	struct value name = { .known = p->dev, .name = p->dev };

	if (!strcmp(key, "l4proto"))
		return number_value(p->proto);
	if (!strcmp(key, "nfproto")) {
		name.known = true;
		name.name = v6 ? "ipv6" : "ipv4";
		return name;
	}
	if (!strcmp(key, "protocol")) {
		name.known = true;
		name.name = v6 ? "ip6" : "ip";
		return name;
	}
	if ((in && (!strcmp(key, "iifname") || !strcmp(key, "iif"))) ||
	    (!in && (!strcmp(key, "oifname") || !strcmp(key, "oif"))))
		return name;
	/* No router sends a datagram back to where it came from. */
	if (forward && p->dev && strlen(key) > 2 &&
	    (!strncmp(key, "iif", 3) || !strncmp(key, "oif", 3)))
		return (struct value){ .unlike = p->dev };
	return (struct value){};
}

static struct value left_value(const struct probe *p, const json_t *left)
{
	const json_t *o;

	o = json_object_get(left, "payload");
	if (o)
		return payload_value(p, o);
	o = json_object_get(left, "meta");
	if (o)
		return meta_value(p, o);
	o = json_object_get(left, "ct");
	if (o && !strcmp(text_of(o, "key"), "state"))
		return (struct value){ .known = p->state, .name = p->state };
	return (struct value){};
}

/* ---- rules --------------------------------------------------------------- */

static enum fit fit_match(const struct walk *w, const json_t *match)
{
	struct value is = left_value(w->p, json_object_get(match, "left"));
	const char *op = text_of(match, "op");
	enum fit f;

	f = fit_right(w, &is, json_object_get(match, "right"));
	if (is.missing)
		return FITS_NOT;
	if (!strcmp(op, "!="))
		return invert_fit(f);
	return !strcmp(op, "==") || !strcmp(op, "in") ? f : FITS_PERHAPS;
}

/* A statement that is no verdict, and neither ends nor restricts a rule. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = { "counter", "log",	   "mangle",
					     "notrack", "comment", "set" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void note_why(struct walk *w, const char *chain, const json_t *handle)
{
	if (*w->why)
		return;
	if (handle)
		snprintf(w->why, w->size,
			 "table %s %s, chain %s, rule with handle %" JSON_INTEGER_FORMAT,
			 w->family, w->table, chain,
			 json_integer_value(handle));
	else
		snprintf(w->why, w->size, "table %s %s, chain %s, its policy",
			 w->family, w->table, chain);
}

static unsigned int walk_chain(struct walk *w, const char *name,
			       unsigned int depth);

/* Return the possible ends of a verdict, or 0 if the statement is none. */
static unsigned int verdict_ends(struct walk *w, const char *name,
				 const json_t *arg, unsigned int depth)
{
	unsigned int ends;

	if (!strcmp(name, "accept"))
		return ACCEPTS;
	if (!strcmp(name, "drop") || !strcmp(name, "reject"))
		return DROPS;
	if (!strcmp(name, "queue"))
		return ACCEPTS | DROPS;
	if (!strcmp(name, "return"))
		return RETURNS;
	if (!strcmp(name, "continue"))
		return GOES_ON;
	if (strcmp(name, "jump") && strcmp(name, "goto"))
		return 0;
	ends = walk_chain(w, text_of(arg, "target"), depth + 1);
	if (ends & (GOES_ON | RETURNS))
		ends = (ends & ~(GOES_ON | RETURNS)) |
		       (*name == 'j' ? GOES_ON : RETURNS);
	return ends;
}

/* A map of verdicts: what is taken is one element, or none. */
static unsigned int vmap_ends(struct walk *w, const json_t *vmap,
			      unsigned int depth)
{
	struct value is = left_value(w->p, json_object_get(vmap, "key"));
	const json_t *set =
		json_object_get(json_object_get(vmap, "data"), "set");
	const json_t *pair, *arg;
	unsigned int ends = 0;
	const char *name;
	enum fit f;
	size_t i;

	if (!set)
		return GOES_ON | ACCEPTS | DROPS;
	json_array_foreach(set, i, pair) {
		f = fit_right(w, &is, json_array_get(pair, 0));
		if (f == FITS_NOT)
			continue;
		json_object_foreach(json_array_get(pair, 1), name, arg)
			ends |= verdict_ends(w, name, arg, depth);
		if (f == FITS)
			return ends;
	}
	return ends | GOES_ON;
}

/* Return the possible ends of a rule; GOES_ON alone if it does not match. */
static unsigned int rule_ends(struct walk *w, const json_t *rule,
			      unsigned int depth)
{
	const json_t *expr = json_object_get(rule, "expr"), *e, *arg;
	enum fit all = FITS, f;
	unsigned int ends = 0;
	const char *name;
	size_t i;

	json_array_foreach(expr, i, e) {
		json_object_foreach((json_t *)e, name, arg) {
			f = FITS;
			if (!strcmp(name, "match"))
				f = fit_match(w, arg);
			else if (!strcmp(name, "vmap"))
				ends = vmap_ends(w, arg, depth);
			else if (!is_harmless(name))
				ends = verdict_ends(w, name, arg, depth);
			/* A limit, or what only iptables can print. */
			if (f == FITS && !ends && strcmp(name, "match") &&
			    !is_harmless(name))
				f = FITS_PERHAPS;
			if (f < all)
				all = f;
		}
		if (all == FITS_NOT || ends)
			break;
	}
	if (all == FITS_NOT || !ends)
		return GOES_ON;
	return all == FITS ? ends : ends | GOES_ON;
}

static bool is_in_chain(const struct walk *w, const json_t *rule,
			const char *chain)
{
	return rule && !strcmp(text_of(rule, "family"), w->family) &&
	       !strcmp(text_of(rule, "table"), w->table) &&
	       !strcmp(text_of(rule, "chain"), chain);
}

static unsigned int walk_chain(struct walk *w, const char *name,
			       unsigned int depth)
{
	unsigned int ends = 0, now;
	const json_t *o, *rule;
	size_t i;

	if (depth > DEPTH_MAX)
		return GOES_ON | ACCEPTS | DROPS;
	json_array_foreach(w->all, i, o) {
		rule = json_object_get(o, "rule");
		if (!is_in_chain(w, rule, name))
			continue;
		now = rule_ends(w, rule, depth);
		if (now & DROPS)
			note_why(w, name, json_object_get(rule, "handle"));
		ends |= now & ~GOES_ON;
		if (!(now & GOES_ON))
			return ends;
	}
	return ends | GOES_ON;
}

/* ---- chains of a hook ---------------------------------------------------- */

static bool sees_probe(const struct probe *p, const json_t *chain)
{
	const char *family = text_of(chain, "family");
	const char *own = p->family == AF_INET6 ? "ip6" : "ip";

	if (strcmp(text_of(chain, "hook"), p->hook) ||
	    (strcmp(family, "inet") && strcmp(family, own)))
		return false;
	return !p->below ||
	       json_integer_value(json_object_get(chain, "prio")) < p->below;
}

static enum fate chain_fate(const json_t *all, const struct probe *p,
			    const json_t *chain, char *why, size_t size)
{
	struct walk w = {
		.all = all,
		.p = p,
		.family = text_of(chain, "family"),
		.table = text_of(chain, "table"),
		.why = why,
		.size = size,
	};
	const char *name = text_of(chain, "name");
	unsigned int ends;

	*why = '\0';
	ends = walk_chain(&w, name, 0);
	if (ends & (GOES_ON | RETURNS)) {
		ends &= ~(GOES_ON | RETURNS);
		if (!strcmp(text_of(chain, "policy"), "drop")) {
			ends |= DROPS;
			note_why(&w, name, NULL);
		} else {
			ends |= ACCEPTS;
		}
	}
	if (!(ends & DROPS))
		return FATE_PASSES;
	return ends & ACCEPTS ? FATE_UNCLEAR : FATE_DROPPED;
}

enum fate ruleset_fate(const json_t *ruleset, const struct probe *p, char *why,
		       size_t size)
{
	const json_t *all = json_object_get(ruleset, "nftables"), *o, *chain;
	enum fate worst = FATE_PASSES, f;
	char text[512];
	size_t i;

	*why = '\0';
	json_array_foreach(all, i, o) {
		chain = json_object_get(o, "chain");
		if (!chain || !sees_probe(p, chain))
			continue;
		f = chain_fate(all, p, chain, text, sizeof(text));
		if (f == FATE_PASSES ||
		    (f == FATE_UNCLEAR && worst != FATE_PASSES))
			continue;
		snprintf(why, size, "%s", text);
		worst = f;
		if (f == FATE_DROPPED)
			break;
	}
	return worst;
}
