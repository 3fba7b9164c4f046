// SPDX-License-Identifier: GPL-2.0-only
/*
 * The match "-m mcsec" of iptables and ip6tables. It is GPL, because it becomes
 * a part of a GPL program when it is loaded.
 */
#include <stdio.h>
#include <string.h>
#include <xtables.h>

#include <linux/netfilter/xt_mcsec.h>

enum {
	O_PROTECTED,
	O_GROUP,
	O_SENDER,
};

static const struct xt_option_entry options[] = {
	{ .name = "protected",
	  .id = O_PROTECTED,
	  .type = XTTYPE_NONE,
	  .flags = XTOPT_INVERT },
	{ .name = "group",
	  .id = O_GROUP,
	  .type = XTTYPE_STRING,
	  .min = 1,
	  .max = 31,
	  .flags = XTOPT_INVERT | XTOPT_PUT,
	  XTOPT_POINTER(struct xt_mcsec_info, group) },
	{ .name = "sender",
	  .id = O_SENDER,
	  .type = XTTYPE_UINT32RC,
	  .flags = XTOPT_INVERT },
	XTOPT_TABLEEND,
};

static void match_help(void)
{
	printf("mcsec match options, for received packets:\n"
	       "[!] --protected          match packets verified by any group\n"
	       "[!] --group name         match packets verified by this group\n"
	       "[!] --sender id[:id]     match packets from these Sender-IDs\n");
}

static void match_parse(struct xt_option_call *cb)
{
	struct xt_mcsec_info *info = cb->data;
	unsigned int flag = 0;

	xtables_option_parse(cb);
	switch (cb->entry->id) {
	case O_PROTECTED:
		flag = XT_MCSEC_PROTECTED;
		break;
	case O_GROUP:
		flag = XT_MCSEC_GROUP;
		break;
	case O_SENDER:
		flag = XT_MCSEC_SENDER;
		info->sender[0] = cb->val.u32_range[0];
		info->sender[1] = cb->val.u32_range[cb->nvals > 1];
		if (info->sender[0] > info->sender[1])
			xtables_error(PARAMETER_PROBLEM,
				      "mcsec: --sender %u:%u is an empty range",
				      info->sender[0], info->sender[1]);
		break;
	}
	info->flags |= flag;
	if (cb->invert)
		info->invert |= flag;
}

static void match_check(struct xt_fcheck_call *cb)
{
	if (!cb->xflags)
		xtables_error(PARAMETER_PROBLEM,
			      "mcsec: one of --protected, --group and --sender is needed");
}

static void match_show(const struct xt_mcsec_info *info, const char *dashes)
{
	static const char *const inverted[] = { "", " !" };

	if (info->flags & XT_MCSEC_PROTECTED)
		printf("%s %sprotected",
		       inverted[!!(info->invert & XT_MCSEC_PROTECTED)], dashes);
	if (info->flags & XT_MCSEC_GROUP) {
		printf("%s %sgroup",
		       inverted[!!(info->invert & XT_MCSEC_GROUP)], dashes);
		xtables_save_string(info->group);
	}
	if (!(info->flags & XT_MCSEC_SENDER))
		return;
	printf("%s %ssender %u", inverted[!!(info->invert & XT_MCSEC_SENDER)],
	       dashes, info->sender[0]);
	if (info->sender[1] != info->sender[0])
		printf(":%u", info->sender[1]);
}

static void match_print(const void *ip, const struct xt_entry_match *match,
			int numeric)
{
	(void)ip;
	(void)numeric;
	printf(" mcsec");
	match_show((const void *)match->data, "");
}

static void match_save(const void *ip, const struct xt_entry_match *match)
{
	(void)ip;
	match_show((const void *)match->data, "--");
}

static struct xtables_match mcsec = {
	.family = NFPROTO_UNSPEC,
	.name = "mcsec",
	.version = XTABLES_VERSION,
	.size = XT_ALIGN(sizeof(struct xt_mcsec_info)),
	.userspacesize = XT_ALIGN(sizeof(struct xt_mcsec_info)),
	.help = match_help,
	.print = match_print,
	.save = match_save,
	.x6_parse = match_parse,
	.x6_fcheck = match_check,
	.x6_options = options,
};

static void __attribute__((constructor)) load(void)
{
	xtables_register_match(&mcsec);
}
