// SPDX-License-Identifier: Apache-2.0
/*
 * A running member changes its configuration: groups are added, removed and
 * changed, the others notice nothing, and a refused change changes nothing.
 */
#include "group_reload.h"
#include "group_finish.h"

static char lines[1024];

/* ---- what a reload would do --------------------------------------------- */

static void add_line(void *arg, const char *line)
{
	size_t len = strlen(lines);

	(void)arg;
	snprintf(lines + len, sizeof(lines) - len, "%s\n", line);
}

static int check(struct other *o)
{
	o->conf.groups = o->groups;
	lines[0] = '\0';
	memset(&err, 0, sizeof(err));
	return member_reload_check(a->m, &o->conf, add_line, NULL, &err);
}

/* ---- checks of the state ------------------------------------------------ */

static int count_member(void *arg, const struct gcks_member_status *st)
{
	*(unsigned int *)arg += !strcmp(st->identity, "a.send.example");
	return 0;
}

static bool served_in(const char *name)
{
	unsigned int n = 0;

	gcks_each_member(s.gcks, name, count_member, &n);
	return n;
}

static const struct mock_sa *newest_sa(void)
{
	uint32_t spi = group("video").st.data_spi;
	unsigned int i;

	for (i = 0; i < a->mk.n_sas; i++)
		if (a->mk.sa[i].sa.spi == spi)
			return &a->mk.sa[i];
	bail("there is no SA");
}

static void rekey(void)
{
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 15000);
}

/* ---- tests -------------------------------------------------------------- */

static void test_come_and_go(void)
{
	static struct other with, without;
	uint64_t registrations;

	usual(1);
	registrations = group("video").st.registrations;
	with = as_now();
	add_audio(&with);
	is_int(check(&with), 0, "a group more is no fault");
	is_str(lines, "group audio: added: 239.7.0.2 is protected\n",
	       "a check says what a group more would do");
	ok(!group("audio").found && !kernel_has("audio"),
	   "saying it does nothing");
	is_int(reload(&with), 0, "a group is added: %s", err.text);
	ok(kernel_has("audio"), "the kernel protects an added group at once");
	sim_run(&s, 5000);
	is_int(group("audio").st.state, MEMBER_IN, "an added group registers");
	is_int(kernel_sas("audio"), 1, "an added group has its SA");
	ok(served_in("audio"), "the key server has its member");
	is_int(group("video").st.registrations, registrations,
	       "the group beside it does not register again");

	without = as_now();
	without.conf.n_groups = 1;
	is_int(check(&without), 0, "a group less is no fault");
	is_str(lines,
	       "group audio: removed: leaves; clear traffic to 239.7.0.2 is dropped until \"mcsecctl group del audio --force\"\n",
	       "a check says how to give a group up");
	is_int(reload(&without), 0, "a group is removed: %s", err.text);
	is_int(kernel_sas("audio"), 0, "the SAs of a removed group go at once");
	is_int(group("audio").st.state, MEMBER_LEAVING,
	       "a removed group leaves");
	sim_run(&s, 10000);
	ok(!served_in("audio"), "the key server knows that it left");
	ok(group("audio").st.removed && group("audio").st.state == MEMBER_OUT,
	   "a removed group is listed as such");
	ok(kernel_has("audio"), "the address of a removed group stays closed");
	is_int(member_join(a->m, "audio"), -ENOENT,
	       "a removed group is not joined");
	is_int(member_leave(a->m, "audio"), -ENOENT,
	       "a removed group is not left");
	take_away("audio");
	ok(!kernel_has("audio") && !group("audio").found,
	   "taken by an administrator it is gone");
	is_int(group("video").st.registrations, registrations,
	       "the group beside it never registered again");
	sim_run(&s, 20000);
	is_int(sim_gaps(&s), 0, "the group beside it lost no packet");
	sim_finish(&s, "come and go");
}

static void test_come_back(void)
{
	static struct other with, without, again;

	usual(2);
	with = as_now();
	add_audio(&with);
	reload(&with);
	sim_run(&s, 5000);
	without = as_now();
	without.conf.n_groups = 1;
	reload(&without);
	is_int(group("audio").st.state, MEMBER_LEAVING,
	       "a removed group leaves at once");
	again = as_now();
	add_audio(&again);
	is_int(reload(&again), 0, "a group is added while it leaves: %s",
	       err.text);
	is_int(group("audio").st.state, MEMBER_REJOINING,
	       "a group added while it leaves is to come back");
	sim_run(&s, 20000);
	is_int(group("audio").st.state, MEMBER_IN,
	       "a group added while it leaves is in again");
	reload(&without);
	sim_run(&s, 10000);
	is_int(group("audio").st.state, MEMBER_OUT,
	       "a group removed again is out");
	is_int(reload(&again), 0, "a group is added while it is closed: %s",
	       err.text);
	sim_run(&s, 10000);
	ok(group("audio").st.state == MEMBER_IN && !group("audio").st.removed,
	   "a group added while it is closed is in");
	is_int(kernel_sas("audio"), 1, "a group that came back has one SA");

	/* Without a key server the leave is not received. */
	a->offline = true;
	reload(&without);
	take_away("audio");
	ok(!kernel_has("audio") && !group("audio").found,
	   "a leave without an answer does not hold it back");
	sim_run(&s, 10000);
	a->offline = false;
	is_int(reload(&again), 0, "a new group of that name: %s", err.text);
	sim_run(&s, 60000);
	is_int(group("audio").st.state, MEMBER_IN,
	       "a new group of that name is in");
	is_int(group("video").st.state, MEMBER_IN, "the group beside it is in");
	sim_finish(&s, "come back");
}

static void test_settings(void)
{
	static struct other o[8];
	uint64_t registrations;
	uint32_t sid;

	usual(3);
	registrations = group("video").st.registrations;
	o[0] = as_now();
	o[0].groups[0].window = 4096;
	o[0].groups[0].max_senders = 99;
	is_int(check(&o[0]), 0, "another window is no fault");
	is_str(lines,
	       "group video: changed: replay-window max-senders: from the next Data SA on\n",
	       "a check says from when a window counts");
	is_int(reload(&o[0]), 0, "another window");
	sim_run(&s, 5000);
	is_int(group("video").st.registrations, registrations,
	       "another window needs no registration");
	is_int(newest_sa()->sa.window, 1024, "the SA there is stays");
	rekey();
	is_int(newest_sa()->sa.window, 4096, "the next SA has it");
	is_int(newest_sa()->sa.max_senders, 99,
	       "the next SA has room for other senders");

	o[1] = as_now();
	o[1].groups[0].send = true;
	is_int(check(&o[1]), 0, "beginning to send is no fault");
	is_str(lines, "group video: changed: send: registers again\n",
	       "a check says who registers again");
	is_int(reload(&o[1]), 0, "a receiver begins to send");
	sim_run(&s, 15000);
	is_int(group("video").st.registrations, registrations + 1,
	       "a receiver that begins to send registers once");
	is_int(group("video").st.n_sender_ids, 2,
	       "a new sender has Sender-IDs");
	ok(group("video").st.out_spi, "a new sender sends");
	sid = group("video").st.first_sender_id;
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(sim_gaps(&s), 0, "nobody lost a packet");

	o[2] = as_now();
	o[2].groups[0].sender_ids = 5;
	reload(&o[2]);
	sim_run(&s, 10000);
	is_int(group("video").st.n_sender_ids, 5, "more Sender-IDs");
	ok(group("video").st.first_sender_id > sid, "all of them new");

	o[3] = as_now();
	o[3].groups[0].send = false;
	reload(&o[3]);
	sim_run(&s, 10000);
	is_int(group("video").st.n_sender_ids, 0, "a sender ends to send");
	is_int(group("video").st.out_spi, 0, "no SA sends");
	rekey();
	is_int(newest_sa()->sa.dir, MCSEC_DIR_IN, "the next SA only receives");
	is_int(sim_gaps(&s), 0, "a former sender lost no packet");
	sim_finish(&s, "settings");
}

/* A packet that @a has had comes again, and finds the window that has seen it. */
static void replay(const struct mock_packet *old, const char *when)
{
	uint64_t replays = a->mk.replays;

	ok(!mock_kernel_recv(&a->mk, old) && a->mk.replays == replays + 1,
	   "%s: what was received before is a replay", when);
}

/* Another role goes by the SA that is there, which knows what it has received. */
static void test_windows(void)
{
	static struct other o[6];
	struct mock_packet old;
	uint64_t rekeys, got;
	uint32_t spi;

	usual(9);
	o[0] = as_now();
	o[0].groups[0].send = true;
	reload(&o[0]);
	sim_run(&s, 20000);
	spi = group("video").st.data_spi;
	rekeys = sim_group(&s).rekeys;
	old = s.last;
	sim_run(&s, 1000);
	replay(&old, "a sender that receives");

	o[1] = as_now();
	o[1].groups[0].send = false;
	is_int(reload(&o[1]), 0, "send is turned off");
	is_int(newest_sa()->sa.dir, MCSEC_DIR_IN,
	       "with send turned off its SA receives alone, at once");
	is_int(group("video").st.out_spi, 0,
	       "with send turned off nothing sends, at once");
	replay(&old, "send turned off");
	sim_run(&s, 10000);
	is_int(group("video").st.data_spi, spi,
	       "with send turned off the SA goes on");
	is_int(sim_group(&s).rekeys, rekeys,
	       "send turned off changes no keys of others");
	replay(&old, "send turned off and registered");

	o[2] = as_now();
	o[2].groups[0].send = true;
	o[2].groups[0].receive = false;
	is_int(reload(&o[2]), 0, "a receiver is to send alone");
	sim_run(&s, 20000);
	is_int(newest_sa()->sa.dir, MCSEC_DIR_OUT,
	       "a receiver that is to send alone has an SA for it");
	ok(group("video").st.data_spi != spi,
	   "a member that begins to send has another SA");

	spi = group("video").st.data_spi;
	rekeys = sim_group(&s).rekeys;
	o[3] = as_now();
	o[3].groups[0].receive = true;
	is_int(reload(&o[3]), 0, "receive is turned on");
	got = a->got;
	old = s.last;
	sim_run(&s, 2000);
	ok(a->got > got, "with receive turned on it receives");
	old = s.last;
	sim_run(&s, 1000);
	o[4] = as_now();
	o[4].groups[0].receive = false;
	is_int(reload(&o[4]), 0, "receive is turned off");
	is_int(newest_sa()->sa.dir, MCSEC_DIR_OUT,
	       "with receive turned off its SA sends alone, at once");
	sim_run(&s, 5000);
	o[5] = as_now();
	o[5].groups[0].receive = true;
	is_int(reload(&o[5]), 0, "receive is turned on again");
	replay(&old, "receive turned off and on");
	sim_run(&s, 10000);
	is_int(group("video").st.data_spi, spi,
	       "with receive turned off and on the SA goes on");
	is_int(group("video").st.out_spi, spi,
	       "the member sends on all the while");
	is_int(sim_group(&s).rekeys, rekeys,
	       "receive turned off and on changes no keys of others");
	replay(&old, "receive turned off and on and registered");
	is_int(group("video").st.kernel_errors, 0,
	       "the kernel refused nothing");
	sim_finish(&s, "windows");
}

/* The key server does not hear of a leave, and would give the same SA again. */
static void test_leave_unheard(void)
{
	static struct other without, again;
	struct mock_packet old;
	uint64_t got;

	usual(10);
	old = s.last;
	sim_run(&s, 1000);
	without = as_now();
	without.conf.n_groups = 0;
	a->offline = true;
	reload(&without);
	take_away("video");
	ok(!group("video").found, "the group is given up");
	sim_run(&s, 10000);
	a->offline = false;
	again = as_now();
	again.conf.n_groups = 1;
	again.groups[0] = a->cg;
	is_int(reload(&again), 0, "a new group of that name: %s", err.text);
	got = a->got;
	sim_run(&s, 20000);
	is_int(group("video").st.state, MEMBER_IN, "the new group is in");
	ok(a->got > got, "the new group receives");
	ok(!mock_kernel_recv(&a->mk, &old),
	   "a packet that the group given up had is not accepted");
	sim_finish(&s, "leave unheard");
}

/*
 * A member that may not send but is configured to still receives, also after
 * rekeys.
 */
static void test_not_allowed(void)
{
	static struct other o;

	usual(4);
	served[0].senders.n = 1;
	if (sim_reload(&s, &err))
		bail("%s", err.text);
	o = as_now();
	o.groups[0].send = true;
	is_int(reload(&o), 0, "a receiver is told to send");
	sim_run(&s, 5000);
	ok(group("video").st.refusals >= 1 &&
		   strstr(group("video").st.last_error, "not authorized"),
	   "the key server refuses: %s", group("video").st.last_error);
	is_int(group("video").st.state, MEMBER_IN,
	       "a refused sender is in as a receiver");
	rekey();
	rekey();
	is_int(sim_out_of_step(&s), 0, "a refused sender follows rekeys");
	is_int(sim_gaps(&s), 0, "a refused sender loses no packet");
	is_int(newest_sa()->sa.dir, MCSEC_DIR_IN,
	       "a refused sender only receives");
	sim_finish(&s, "a sender refused");
}

/* An answer to a request before the change is not used after it. */
static void test_under_way(void)
{
	static struct other o[2];
	int i;

	for (i = 0; i < 2; i++) {
		usual(5 + i);
		if (i) {
			sim_down(a);
			sim_up(a);
		} else {
			register_now(TAILQ_FIRST(&a->m->groups));
		}
		is_int(group("video").st.state,
		       i ? MEMBER_REGISTERING : MEMBER_RENEWING,
		       "a question is under way");
		o[i] = as_now();
		o[i].groups[0].send = true;
		is_int(reload(&o[i]), 0,
		       "a change comes while a question is under way");
		sim_run(&s, 10000);
		is_int(group("video").st.n_sender_ids, 2,
		       "a change under way ends with Sender-IDs");
		is_int(group("video").st.refusals, 0, "nothing was refused");
		is_int(group("video").st.registrations, 1 + !i,
		       "one answer is taken");
		sim_finish(&s, "a change under way");
	}
}

static void refused(struct other *o, const char *what)
{
	const struct conf_member *was = a->m->conf;
	uint64_t registrations = group("video").st.registrations;
	unsigned int n = a->mk.n_groups;

	is_int(check(o), -EBUSY, "%s: a check refuses it", what);
	is_int(reload(o), -EBUSY, "%s is refused: %s", what, err.text);
	ok(strstr(err.text, what), "%s: the reason names it", what);
	sim_run(&s, 3000);
	ok(a->m->conf == was && a->mk.n_groups == n && !group("audio").found &&
		   group("video").st.registrations == registrations &&
		   group("video").st.state == MEMBER_IN,
	   "%s: nothing has changed", what);
}

static void test_refused(void)
{
	static struct other o;
	struct kgroup strange = { .name = "strange" };
	unsigned int i;

	usual(7);
	o = as_now();
	add_audio(&o);
	o.conf.gcks.port++;
	refused(&o, "member: gcks ");
	o = as_now();
	add_audio(&o);
	o.conf.gcks_id = (char *)"other.example";
	refused(&o, "member: gcks-id");
	o = as_now();
	add_audio(&o);
	o.conf.local.port++;
	refused(&o, "member: local");
	o = as_now();
	add_audio(&o);
	if (addr_parse("239.7.9.9", &o.groups[0].sel.dst))
		bail("address");
	refused(&o, "address");
	ok(strstr(err.text, "group \"video\"") && strstr(err.text, "239."),
	   "the refusal names the group and its address");

	/* The kernel refuses the second of two groups. */
	for (i = a->mk.n_groups; i < MOCK_GROUPS - 1; i++) {
		strange.name[7] = (char)('0' + i);
		strange.dst = served[1].sel.dst;
		strange.dst.b[3] = (uint8_t)(100 + i);
		if (a->mk.k.ops->group_add(a->mk.k.ctx, &strange, NULL))
			bail("a group by hand");
	}
	o = as_now();
	add_audio(&o);
	*add_audio(&o) = o.groups[1];
	o.groups[2].name = (char *)"third";
	o.groups[2].sel.dst.b[3] ^= 0x80;
	i = a->mk.n_groups;
	ok(reload(&o) < 0, "the kernel refuses one of two: %s", err.text);
	ok(strstr(err.text, "third"), "the reason names it");
	is_int(a->mk.n_groups, i, "the other one is taken back");
	ok(!group("audio").found && !group("third").found,
	   "a refused configuration adds no group");
	sim_run(&s, 5000);
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, "refused");
}

/* An SA of an added group is installed at once: another interface. */
static void test_interface(void)
{
	static struct other o;

	usual(8);
	o = as_now();
	o.conf.interface = (char *)"eth7";
	is_int(check(&o), 0, "another interface is no fault");
	is_str(lines,
	       "member: interface changed: rekey addresses are joined again\n",
	       "a check says what another interface does");
	is_int(reload(&o), 0, "another interface");
	is_str(a->interface, "eth7", "the rekey address is joined there");
	is_int(group("video").st.registrations, 1,
	       "interface: no registration was needed");
	sim_finish(&s, "interface");
}

/* A network that is migrated observes first, and enforces at last. */
static void test_policy(void)
{
	static struct other o[4];
	const struct kernel_ops *ops;
	struct kernel_ops failing;
	uint64_t registrations;

	usual(9);
	registrations = group("video").st.registrations;
	is_int(a->mk.group[0].policy, MCSEC_POLICY_ENFORCE,
	       "a group enforces by default");
	o[0] = as_now();
	o[0].groups[0].observe = true;
	is_int(check(&o[0]), 0, "another policy is no fault");
	is_str(lines,
	       "group video: changed: policy observe: datagrams that cannot be protected are sent and accepted in the clear\n",
	       "a check says what observing means");
	is_int(a->mk.group[0].policy, MCSEC_POLICY_ENFORCE,
	       "a check changes no policy");
	is_int(reload(&o[0]), 0, "a reload with policy observe");
	is_int(a->mk.group[0].policy, MCSEC_POLICY_OBSERVE,
	       "the kernel's group observes");
	sim_run(&s, 5000);
	is_int(group("video").st.registrations, registrations,
	       "another policy needs no registration");
	is_int(group("video").st.state, MEMBER_IN, "the member is still in");

	o[1] = as_now();
	o[1].groups[0].observe = false;
	o[1].groups[0].window = 4096;
	is_int(check(&o[1]), 0, "two changes of one group are no fault");
	is_str(lines,
	       "group video: changed: replay-window: from the next Data SA on\n"
	       "group video: changed: policy enforce: datagrams that cannot be protected are dropped\n",
	       "a check tells both changes");
	is_int(reload(&o[1]), 0, "a reload with policy enforce");
	is_int(a->mk.group[0].policy, MCSEC_POLICY_ENFORCE,
	       "the kernel's group enforces again");

	/* A kernel that refuses is told, and the group is not what it was meant. */
	ops = a->mk.k.ops;
	failing = *ops;
	failing.group_set = fail_set;
	a->mk.k.ops = &failing;
	o[2] = as_now();
	o[2].groups[0].observe = true;
	is_int(reload(&o[2]), 0, "a reload whose policy the kernel refuses");
	a->mk.k.ops = ops;
	ok(strstr(s.log,
		  "group video: policy not changed: group \"video\": policy: kernel: no"),
	   "the refusal is in the log");
	is_int(group("video").st.kernel_errors, 1, "the refusal is counted");
	is_int(a->mk.group[0].policy, MCSEC_POLICY_ENFORCE,
	       "the kernel's group is as before");
	o[3] = as_now();
	is_int(check(&o[3]), 0, "the same configuration is no fault");
	is_str(lines,
	       "group video: changed: policy observe: datagrams that cannot be protected are sent and accepted in the clear\n",
	       "a check says that the change is tried again");
	is_int(reload(&o[3]), 0, "a reload of the same configuration");
	is_int(a->mk.group[0].policy, MCSEC_POLICY_OBSERVE,
	       "the next reload tries a change again that was refused");
	is_int(sim_gaps(&s), 0, "nobody lost a packet");
	sim_finish(&s, "policy");
}

/* A group that observes is closed as soon as nobody configures it. */
static void test_policy_of_removed(void)
{
	static struct other o[4];
	struct err why = {};

	usual(10);
	o[0] = as_now();
	add_audio(&o[0])->observe = true;
	is_int(check(&o[0]), 0, "an observing group more is no fault");
	is_str(lines,
	       "group audio: added: 239.7.0.2 is protected, policy observe: datagrams that cannot be protected are sent and accepted in the clear\n",
	       "a check says that the new group observes");
	is_int(reload(&o[0]), 0, "an observing group more");
	sim_run(&s, 20000);
	is_int(kernel_policy("audio"), MCSEC_POLICY_OBSERVE,
	       "the new group observes");

	o[1] = as_now();
	o[1].conf.n_groups = 1;
	is_int(reload(&o[1]), 0, "the group is removed");
	is_int(kernel_policy("audio"), MCSEC_POLICY_ENFORCE,
	       "a group that is removed enforces");
	is_int(kernel_sas("audio"), 0, "a group that is removed has no SA");
	a->mk.group[1].policy = MCSEC_POLICY_OBSERVE;
	is_int(member_difference(a->m, "audio", &why), MEMBER_FAULT_OBSERVES,
	       "one that was told to observe afterwards is a fault");

	o[2] = as_now();
	add_audio(&o[2]);
	is_int(reload(&o[2]), 0, "the group is added again");
	is_int(kernel_policy("audio"), MCSEC_POLICY_ENFORCE,
	       "a group that is added again enforces");
	sim_run(&s, 60000);
	sim_finish(&s, "policy of a removed group");
}

/* The kernel has a group of an earlier run, which observed. */
static void test_policy_of_earlier(void)
{
	static struct other o;
	struct mock_kernel *mk;

	usual(11);
	mk = &a->mk;
	mk->group[mk->n_groups] = mk->group[0];
	strcpy(mk->group[mk->n_groups].name, "audio");
	mk->group[mk->n_groups].dst = served[1].sel.dst;
	mk->group[mk->n_groups++].policy = MCSEC_POLICY_OBSERVE;
	o = as_now();
	add_audio(&o);
	is_int(reload(&o), 0, "a group that the kernel has already");
	is_int(kernel_policy("audio"), MCSEC_POLICY_ENFORCE,
	       "a group of an earlier run gets the policy of the file");
	sim_run(&s, 60000);
	sim_finish(&s, "policy of an earlier run");
}

int main(void)
{
	RUN(test_come_and_go);
	RUN(test_come_back);
	RUN(test_settings);
	RUN(test_windows);
	RUN(test_leave_unheard);
	RUN(test_not_allowed);
	RUN(test_under_way);
	RUN(test_refused);
	RUN(test_interface);
	RUN(test_policy);
	RUN(test_policy_of_removed);
	RUN(test_policy_of_earlier);
	return done();
}
