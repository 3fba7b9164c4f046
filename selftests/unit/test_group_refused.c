// SPDX-License-Identifier: Apache-2.0
/*
 * A kernel that refuses: a reload that fails leaves everything as it was, and whatever
 * else could not be done is tried again until it is.
 */
#include "group_reload.h"
#include "group_finish.h"
#include "member/leftover.h"

/* ---- a kernel that refuses ---------------------------------------------- */

static struct kernel_ops failing;
static const struct kernel_ops *real;

/* Replace what @by has. */
static void fail_by(const struct kernel_ops *by)
{
	real = a->mk.k.ops;
	failing = *real;
	if (by->group_add)
		failing.group_add = by->group_add;
	if (by->group_set)
		failing.group_set = by->group_set;
	if (by->sa_dump)
		failing.sa_dump = by->sa_dump;
	if (by->sa_del)
		failing.sa_del = by->sa_del;
	a->mk.k.ops = &failing;
}

static void work_again(void)
{
	a->mk.k.ops = real;
}

static void resync(void)
{
	struct kevent ev = { .type = KEVENT_RESYNC };

	member_kernel_event(a->m, &ev);
}

/* ---- tests -------------------------------------------------------------- */

/* The kernel has "audio" of an earlier run, with an SA that sends and receives. */
static void make_earlier(enum mcsec_policy policy)
{
	struct mock_kernel *mk = &a->mk;

	mk->group[mk->n_groups] = mk->group[0];
	strcpy(mk->group[mk->n_groups].name, "audio");
	mk->group[mk->n_groups].dst = served[1].sel.dst;
	mk->group[mk->n_groups++].policy = policy;
	mk->sa[mk->n_sas] = mk->sa[0];
	strcpy(mk->sa[mk->n_sas].sa.group, "audio");
	mk->sa[mk->n_sas].sa.spi = 0x4711;
	mk->sa[mk->n_sas++].sa.dir = MCSEC_DIR_IN | MCSEC_DIR_OUT;
}

static uint32_t earlier_dir(void)
{
	unsigned int i;

	for (i = 0; i < a->mk.n_sas; i++)
		if (a->mk.sa[i].sa.spi == 0x4711)
			return a->mk.sa[i].sa.dir;
	bail("the SA of an earlier run is gone");
}

static int fail_third(void *ctx, const struct kgroup *g, struct err *e)
{
	if (!strcmp(g->name, "third"))
		return err_set(e, -ENOSPC, "no room");
	return real->group_add(ctx, g, e);
}

/* A group that the kernel has already is not touched by a reload that fails. */
static void test_failure_keeps_earlier(void)
{
	static struct other o[2];
	struct conf_mgroup *third;

	usual(12);
	make_earlier(MCSEC_POLICY_ENFORCE);
	o[0] = as_now();
	add_audio(&o[0])->observe = true;
	third = add_audio(&o[0]);
	third->name = (char *)"third";
	third->sel.dst.b[3] ^= 0x80;
	fail_by(&(struct kernel_ops){ .group_add = fail_third });
	is_int(reload(&o[0]), -ENOSPC, "the kernel refuses the last group");
	is_int(kernel_policy("audio"), MCSEC_POLICY_ENFORCE,
	       "a group that was closed stays closed after a failed reload");
	is_int(earlier_dir(), MCSEC_DIR_IN | MCSEC_DIR_OUT,
	       "a failed reload takes no direction from an earlier SA");
	/* The owner had died, and nobody has made it again since. */
	a->mk.orphans = 1 << 1;
	is_int(reload(&o[0]), -ENOSPC, "the kernel refuses it again");
	ok(kernel_has("audio"),
	   "a group that waits for its owner is not deleted");
	is_int(kernel_policy("audio"), MCSEC_POLICY_ENFORCE,
	       "a group that waits for its owner is not opened");
	work_again();
	take_away("audio");
	ok(!kernel_has("audio"),
	   "an administrator can release a group that a failed reload asked for");

	make_earlier(MCSEC_POLICY_ENFORCE);
	o[1] = as_now();
	add_audio(&o[1])->observe = true;
	is_int(reload(&o[1]), 0, "a reload that the kernel does not refuse");
	is_int(kernel_policy("audio"), MCSEC_POLICY_OBSERVE,
	       "a group that was closed observes after a reload");
	is_int(earlier_dir(), MCSEC_DIR_IN,
	       "an earlier SA has the directions of the file after a reload");
	a->mk.group[1].policy = MCSEC_POLICY_ENFORCE;
	a->mk.orphans = 1 << 1;
	resync();
	is_int(kernel_policy("audio"), MCSEC_POLICY_OBSERVE,
	       "a group that another program has deleted observes again");
	sim_run(&s, 60000);
	sim_finish(&s, "a failure keeps earlier groups");
}

static int fail_dump(void *ctx, const char *group, ksa_fn *fn, void *arg,
		     struct err *e)
{
	(void)ctx;
	(void)group;
	(void)fn;
	(void)arg;
	return err_set(e, -EINTR, "interrupted");
}

static bool has_none(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return false;
}

static int warn_add(void *ctx, const struct kgroup *g, struct err *e)
{
	int ret = real->group_add(ctx, g, e);

	if (!ret)
		err_set(e, 0, "a way past it");
	return ret;
}

/* A group of the kernel that cannot be taken over is refused, and not touched. */
static void test_not_taken_over(void)
{
	static struct other o;

	usual(16);
	make_earlier(MCSEC_POLICY_ENFORCE);
	a->mk.group[1].dport = 7;
	o = as_now();
	add_audio(&o);
	is_int(reload(&o), -EEXIST,
	       "the kernel has the name for other traffic");
	ok(strstr(err.text, "group \"audio\": the kernel has it for 239.7.0.2"),
	   "the refusal says for which traffic: %s", err.text);
	ok(!group("audio").found && kernel_has("audio"),
	   "a group for other traffic stays as it is");
	a->mk.group[1].dport = 0;
	strcpy(a->mk.group[1].name, "strange");
	is_int(reload(&o), -EEXIST, "the kernel has it by another name");
	ok(strstr(err.text, "as group \"strange\""),
	   "the refusal has the other name: %s", err.text);
	strcpy(a->mk.group[1].name, "audio");
	fail_by(&(struct kernel_ops){ .sa_dump = fail_dump });
	is_int(reload(&o), -EINTR, "the kernel does not tell the SAs");
	is_str(err.text, "group \"audio\": kernel: interrupted",
	       "the refusal has the reason");
	resync();
	ok(sim_logged(&s,
		      "group not protected: group \"video\": kernel: interrupted"),
	   "a group whose SAs are not told is in the log");
	work_again();
	sim_run(&s, 1500);
	is_int(sim_log_count(&s, "group video: group protected again"), 1,
	       "a group whose SAs are told later is as before");
	a->m->deps.has_interface = has_none;
	o.groups[1].devs.n = 1;
	strcpy(o.groups[1].devs.name[0], "eth9");
	a->mk.group[1].n_devs = 1;
	strcpy(a->mk.group[1].devs[0], "eth9");
	is_int(reload(&o), 0, "the kernel tells the SAs: %s", err.text);
	is_int(sim_log_count(&s, "group audio: interface missing: eth9"), 1,
	       "an interface that is missing is in the log");
	fail_by(&(struct kernel_ops){ .group_add = warn_add });
	mock_kernel_reset(&a->mk);
	resync();
	is_int(sim_log_count(&s, "group video: kernel warning: a way past it"),
	       1, "a warning of the kernel is in the log");
	work_again();
	sim_run(&s, 60000);
	sim_finish(&s, "a group not taken over");
}

/* A removed group that an administrator has released comes back as a whole or not. */
static void test_failure_of_returning(void)
{
	static struct other with, without, again;
	struct conf_mgroup *third;

	usual(13);
	with = as_now();
	add_audio(&with);
	reload(&with);
	sim_run(&s, 5000);
	without = as_now();
	without.conf.n_groups = 1;
	reload(&without);
	sim_run(&s, 5000);
	mock_kernel_reset(&a->mk);
	again = as_now();
	again.conf.n_groups = 1;
	add_audio(&again);
	third = add_audio(&again);
	third->name = (char *)"third";
	third->sel.dst.b[3] ^= 0x80;
	fail_by(&(struct kernel_ops){ .group_add = fail_third });
	is_int(reload(&again), -ENOSPC, "the kernel refuses a group beside it");
	ok(!kernel_has("audio") && group("audio").st.removed,
	   "a removed group does not come back by a failed reload");
	work_again();
	again.conf.n_groups = 2;
	is_int(reload(&again), 0, "the removed group comes back: %s", err.text);
	ok(kernel_has("audio"),
	   "a removed group that the kernel has lost is protected again");
	resync();
	sim_run(&s, 60000);
	is_int(group("audio").st.state, MEMBER_IN, "the group is in again");
	sim_finish(&s, "a failure of a returning group");
}

static int fail_add(void *ctx, const struct kgroup *g, struct err *e)
{
	(void)ctx;
	(void)g;
	return err_set(e, -ENOMEM, "out of memory");
}

/* An overrun changes nothing of what is there, but SAs by hand have no other directions. */
static void test_overrun(void)
{
	struct mock_kernel *mk;
	struct mgroup *g;

	usual(17);
	mk = &a->mk;
	g = mgroup_find(a->m, "video");
	mk->group[0].policy = MCSEC_POLICY_OBSERVE;
	mk->sa[mk->n_sas] = mk->sa[0];
	mk->sa[mk->n_sas].sa.spi = 0x4711;
	mk->sa[mk->n_sas++].sa.dir = MCSEC_DIR_IN | MCSEC_DIR_OUT;
	resync();
	is_int(kernel_policy("video"), MCSEC_POLICY_OBSERVE,
	       "a policy that an administrator has set stays");
	is_int(earlier_dir(), MCSEC_DIR_IN,
	       "an SA by hand does not send for a receiver");
	ok(!g->used_up && !timer_armed(&g->retry),
	   "an overrun while all SAs live asks for nothing");
	mk->group[0].policy = MCSEC_POLICY_ENFORCE;
	sim_run(&s, 20000);
	sim_finish(&s, "overrun");
}

/* A group or a policy that the kernel refuses is tried again until it is there. */
static void test_tried_again(void)
{
	static struct other o;
	struct err why = {};
	unsigned int i;

	usual(14);
	resync();
	is_int(sim_log_count(&s, "protected"), 0,
	       "a group that the kernel has is not talked about");
	fail_by(&(struct kernel_ops){ .group_add = fail_add });
	mock_kernel_reset(&a->mk);
	resync();
	ok(mgroup_find(a->m, "video")->used_up,
	   "an SA that the kernel has lost is asked to be replaced");
	sim_run(&s, 5000);
	is_int(sim_log_count(&s,
			     "group not protected: group \"video\": kernel: out of memory"),
	       1, "a group that cannot be made again is in the log once");
	is_int(member_difference(a->m, "video", &why), MEMBER_FAULT_NO_GROUP,
	       "a group that the kernel lacks is a fault");
	work_again();
	sim_run(&s, 1500);
	ok(kernel_has("video"), "a group that was refused is made later");
	is_int(sim_log_count(&s, "group protected again"), 1,
	       "a group that is made later is in the log once");
	sim_run(&s, 20000);
	is_int(kernel_sas("video"), 1, "a group that is made later has its SA");
	is_int(member_difference(a->m, "video", &why), MEMBER_FAULT_NONE,
	       "a group that is made later has no fault: %s", why.text);

	/* An earlier run has left a group open, which is to be closed. */
	make_earlier(MCSEC_POLICY_OBSERVE);
	fail_by(&(struct kernel_ops){ .group_set = fail_set });
	o = as_now();
	add_audio(&o);
	is_int(reload(&o), 0, "a reload whose policy is refused");
	sim_run(&s, 5000);
	is_int(kernel_policy("audio"), MCSEC_POLICY_OBSERVE,
	       "the kernel refuses the policy");
	is_int(member_difference(a->m, "audio", &why), MEMBER_FAULT_OBSERVES,
	       "a group that stays open is a fault");
	work_again();
	sim_run(&s, 1500);
	is_int(kernel_policy("audio"), MCSEC_POLICY_ENFORCE,
	       "a policy that was refused is set later");
	ok(sim_logged(&s, "group audio: policy set"),
	   "a policy that is set later is in the log");

	/* The event of a limit is lost. */
	sim_run(&s, 20000);
	for (i = 0; i < a->mk.n_sas; i++)
		a->mk.sa[i].wiped = true;
	resync();
	ok(mgroup_find(a->m, "video")->used_up,
	   "an SA that has ended unheard is asked to be replaced");
	sim_run(&s, 2000);
	is_int(member_difference(a->m, "video", &why), MEMBER_FAULT_NONE,
	       "an SA that has ended unheard is replaced: %s", why.text);
	sim_run(&s, 60000);
	sim_finish(&s, "tried again");
}

static int fail_del(void *ctx, const char *group, uint32_t spi,
		    struct ksa_info *info, struct err *e)
{
	(void)ctx;
	(void)group;
	(void)spi;
	(void)info;
	return err_set(e, -EIO, "no");
}

/* A member that leaves must not keep keys because the kernel has refused once. */
static void test_deleted_late(void)
{
	uint32_t spi;

	usual(15);
	fail_by(&(struct kernel_ops){ .sa_del = fail_del });
	is_int(member_leave(a->m, "video"), 0, "a member leaves");
	sim_run(&s, 5000);
	is_int(kernel_sas("video"), 1, "the kernel refuses to delete the SA");
	is_int(sim_log_count(&s, "group video: SA not deleted: "), 1,
	       "an SA that is not deleted is logged once");
	resync();
	work_again();
	sim_run(&s, 1500);
	is_int(kernel_sas("video"), 0,
	       "an SA that was refused is deleted later");
	is_int(sim_log_count(&s, "group video: SA deleted late: "), 1,
	       "an SA that is deleted later is logged");

	/* The key server may give the same SA again, which stays then. */
	is_int(member_join(a->m, "video"), 0, "the member comes back");
	sim_run(&s, 20000);
	is_int(kernel_sas("video"), 1, "a member that came back has its SA");
	is_int(sim_log_count(&s, "group video: SA deleted late: "), 1,
	       "an SA that is gone is not deleted once more");

	/* The kernel had deleted an SA, though it said nothing, and has another one. */
	spi = group("video").st.data_spi;
	leftover_add(a->m, "video", spi);
	leftover_replaced(a->m, "video", spi);
	sim_run(&s, 1500);
	is_int(kernel_sas("video"), 1, "an SA in the place of another stays");
	sim_run(&s, 60000);
	sim_finish(&s, "deleted late");
}

int main(void)
{
	RUN(test_failure_keeps_earlier);
	RUN(test_not_taken_over);
	RUN(test_failure_of_returning);
	RUN(test_overrun);
	RUN(test_tried_again);
	RUN(test_deleted_late);
	return done();
}
