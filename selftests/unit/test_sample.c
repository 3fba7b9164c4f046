// SPDX-License-Identifier: Apache-2.0
/* Growth of the module's counts between two samples, as mcsecctl top shows it. */
#include "../../tools/mcsecctl/sample.c"
#include "tap.h"

/* The mock of the module has these. */
static struct kgroup_info groups[3];
static size_t n_groups;
static struct ksa_info sas[4];
static size_t n_sas;
static uint64_t drops;

static int dump_groups(void *ctx, kgroup_fn *fn, void *arg, struct err *err)
{
	size_t i;
	int ret = 0;

	(void)ctx;
	(void)err;
	for (i = 0; i < n_groups && !ret; i++)
		ret = fn(arg, &groups[i]);
	return ret;
}

static int dump_sas(void *ctx, const char *group, ksa_fn *fn, void *arg,
		    struct err *err)
{
	size_t i;
	int ret = 0;

	(void)ctx;
	(void)err;
	ok(!group, "the SAs of all groups are asked for at once");
	for (i = 0; i < n_sas && !ret; i++)
		ret = fn(arg, &sas[i]);
	return ret;
}

static int dump_counters(void *ctx, kcounter_fn *fn, void *arg, struct err *err)
{
	(void)ctx;
	(void)err;
	return fn(arg, "in-no-sa", drops);
}

static int refuse_counters(void *ctx, kcounter_fn *fn, void *arg,
			   struct err *err)
{
	(void)ctx;
	(void)fn;
	(void)arg;
	return err_set(err, -EPERM, "not for you");
}

static const struct kernel_ops ops = { .group_dump = dump_groups,
				       .sa_dump = dump_sas,
				       .stats_dump = dump_counters };
static const struct kernel_ops refusing = { .group_dump = dump_groups,
					    .sa_dump = dump_sas,
					    .stats_dump = refuse_counters };

static void put_sa(size_t i, const char *group, uint32_t spi, uint64_t age,
		   uint64_t packets)
{
	sas[i] = (struct ksa_info){ .age = age,
				    .out_packets = packets,
				    .out_bytes = 100 * packets,
				    .in_packets = 2 * packets,
				    .in_bytes = 200 * packets,
				    .in_replays = 3 * packets,
				    .in_bad_icv = 4 * packets };
	strcpy(sas[i].sa.group, group);
	sas[i].sa.spi = spi;
}

static void put_group(size_t i, const char *name, uint32_t out_spi,
		      uint64_t out_drops)
{
	groups[i] = (struct kgroup_info){ .out_spi = out_spi,
					  .out_drops = out_drops,
					  .in_drops = 2 * out_drops };
	strcpy(groups[i].group.name, name);
}

int main(void)
{
	struct kernel kernel = { .ops = &ops };
	struct sample before, now;
	struct growth g;
	struct err err;

	put_group(0, "video", 0x2000, 5);
	put_group(1, "audio", 0, 0);
	n_groups = 2;
	put_sa(0, "video", 0x2000, 50, 10);
	put_sa(1, "audio", 0x1000, 7, 1);
	put_sa(2, "video", 0x3000, 40, 100);
	n_sas = 3;
	drops = 8;
	is_int(sample_take(&kernel, &before, &err), 0, "a sample is taken");

	put_group(0, "new", 0, 3);
	put_group(1, "video", 0x4000, 6);
	put_group(2, "audio", 0, 0);
	n_groups = 3;
	put_sa(0, "video", 0x4000, 2, 4);
	put_sa(1, "audio", 0x1000, 8, 1);
	put_sa(2, "audio", 0x1001, 1, 0);
	put_sa(3, "video", 0x2000, 51, 12);
	n_sas = 4;
	drops = 9;
	is_int(sample_take(&kernel, &now, &err), 0, "another sample is taken");
	ok(now.at_ms >= before.at_ms, "the samples have their times");
	is_int(json_integer_value(json_object_get(now.counters, "in-no-sa")), 9,
	       "a sample has the counters of the namespace");

	sample_growth(&before, &now, 0, &g);
	is_str(g.group->group.name, "audio",
	       "groups are in order of their names");
	is_int(g.out_packets, 0, "a group without traffic has not grown");
	is_int(g.spi, 0x1001, "without an SA that sends the newest is the key");
	is_int(g.age, 1, "the age is that of the newest SA");

	sample_growth(&before, &now, 1, &g);
	is_str(g.group->group.name, "new", "a group that came since is there");
	is_int(g.out_drops, 3, "all drops of a group that came since are new");
	is_int(g.spi, 0, "a group without SAs has no key");

	sample_growth(&before, &now, 2, &g);
	is_int(g.out_packets, 2 + 4,
	       "an SA that came since counts whole, and one that is gone nothing");
	is_int(g.out_bytes, 600, "octets that were sent have grown");
	is_int(g.in_packets, 12, "packets that came have grown");
	is_int(g.in_bytes, 1200, "octets that came have grown");
	is_int(g.replays, 18, "replays have grown");
	is_int(g.bad_icv, 24, "wrong tags have grown");
	is_int(g.out_drops, 1, "drops of a group have grown on the way out");
	is_int(g.in_drops, 2, "drops of a group have grown on the way in");
	is_int(g.spi, 0x4000, "the SA that sends is the key");
	is_int(g.age, 2, "the age is that of the SA that sends");

	sample_growth(&now, &before, 1, &g);
	is_int(g.out_packets, 10 + 100,
	       "a count that went back has begun anew with the module");
	sample_free(&before);
	sample_free(&now);

	kernel.ops = &refusing;
	is_int(sample_take(&kernel, &now, &err), -EPERM,
	       "a refusal of the kernel is passed on");
	is_str(err.text, "not for you", "a refusal has its reason");
	ok(!now.groups && !now.sas && !now.counters,
	   "a sample that was refused is empty");
	return done();
}
