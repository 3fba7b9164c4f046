// SPDX-License-Identifier: Apache-2.0
/*
 * Drives every operation of the family by the C client that the kernel's YNL
 * generates from its specification; 56-ynl-c.sh compiles and runs it, in a
 * namespace that has dummy0. Writes TAP.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ynl.h>

#include "mcsec-user.h"

#define SPI 4096
#define SID 7

static int number, failed;

static void check(const char *name, bool good, const struct ynl_sock *ys)
{
	number++;
	failed += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", number, name);
	if (!good)
		printf("# %s\n", ys->err.msg);
}

/* A request of TYPE, called req, with its fields set by what follows. */
#define REQUEST(type) struct mcsec_##type *req = mcsec_##type##_alloc()

static void groups(struct ynl_sock *ys)
{
	struct ynl_string **dev = calloc(2, sizeof(*dev));
	static const char *const names[] = { "dummy0", "later0" };
	struct mcsec_group_get_rsp *there;
	struct mcsec_group_get_list *all;
	struct mcsec_group_get_req *get;
	struct mcsec_group_set_req *set;
	unsigned int i, n = 0;
	in_addr_t dst = inet_addr("239.1.1.0");

	REQUEST(group_new_req);

	for (i = 0; i < 2; i++) {
		dev[i] = malloc(sizeof(**dev) + strlen(names[i]) + 1);
		dev[i]->len = strlen(names[i]);
		strcpy(dev[i]->str, names[i]);
	}
	mcsec_group_new_req_set_name(req, "g");
	mcsec_group_new_req_set_dst(req, &dst, sizeof(dst));
	mcsec_group_new_req_set_dst_len(req, 24);
	__mcsec_group_new_req_set_dev(req, dev, 2);
	check("group-new", !mcsec_group_new(ys, req), ys);
	check("group-new again is refused, with words",
	      mcsec_group_new(ys, req) && strstr(ys->err.msg, "exists"), ys);
	mcsec_group_new_req_free(req);

	get = mcsec_group_get_req_alloc();
	mcsec_group_get_req_set_name(get, "g");
	there = mcsec_group_get(ys, get);
	mcsec_group_get_req_free(get);
	check("group-get",
	      there && there->_len.dst == sizeof(dst) &&
		      !memcmp(there->dst, &dst, sizeof(dst)) &&
		      there->dst_len == 24 && there->_count.dev == 2 &&
		      !strcmp(there->dev[1]->str, "later0"),
	      ys);
	if (there)
		mcsec_group_get_rsp_free(there);

	all = mcsec_group_get_dump(ys);
	if (all)
		ynl_dump_foreach(all, one)
			n += !strcmp(one->name, "g");
	check("group-get, dump", n == 1, ys);
	mcsec_group_get_list_free(all);

	set = mcsec_group_set_req_alloc();
	mcsec_group_set_req_set_name(set, "g");
	mcsec_group_set_req_set_policy(set, MCSEC_POLICY_ENFORCE);
	check("group-set", !mcsec_group_set(ys, set), ys);
	mcsec_group_set_req_free(set);
}

static void sas(struct ynl_sock *ys)
{
	__u32 *sids = calloc(1, sizeof(*sids));
	struct mcsec_sa_get_req_dump *of;
	struct mcsec_sa_get_rsp *there;
	struct mcsec_sa_get_list *all;
	struct mcsec_sa_get_req *get;
	struct mcsec_sa_set_req *set;
	unsigned char key[36] = { 1 };
	unsigned int n = 0;

	REQUEST(sa_new_req);

	sids[0] = SID;
	mcsec_sa_new_req_set_group(req, "g");
	mcsec_sa_new_req_set_spi(req, htonl(SPI));
	mcsec_sa_new_req_set_dir(req, MCSEC_DIR_IN | MCSEC_DIR_OUT);
	mcsec_sa_new_req_set_alg(req, MCSEC_ALG_AES_GCM_16);
	mcsec_sa_new_req_set_key(req, key, sizeof(key));
	__mcsec_sa_new_req_set_sender_id(req, sids, 1);
	mcsec_sa_new_req_set_selected(req);
	check("sa-new", !mcsec_sa_new(ys, req), ys);
	mcsec_sa_new_req_free(req);

	set = mcsec_sa_set_req_alloc();
	mcsec_sa_set_req_set_group(set, "g");
	mcsec_sa_set_req_set_spi(set, htonl(SPI));
	mcsec_sa_set_req_set_hard_packets(set, 2);
	check("sa-set", !mcsec_sa_set(ys, set), ys);
	mcsec_sa_set_req_free(set);

	get = mcsec_sa_get_req_alloc();
	mcsec_sa_get_req_set_group(get, "g");
	mcsec_sa_get_req_set_spi(get, htonl(SPI));
	there = mcsec_sa_get(ys, get);
	mcsec_sa_get_req_free(get);
	check("sa-get",
	      there && there->hard_packets == 2 &&
		      there->_count.sender_id == 1 &&
		      there->sender_id[0] == SID && there->_present.selected,
	      ys);
	if (there)
		mcsec_sa_get_rsp_free(there);

	of = mcsec_sa_get_req_dump_alloc();
	mcsec_sa_get_req_dump_set_group(of, "g");
	all = mcsec_sa_get_dump(ys, of);
	if (all)
		ynl_dump_foreach(all, one)
			n += one->spi == htonl(SPI);
	check("sa-get, dump of a group", n == 1, ys);
	mcsec_sa_get_list_free(all);
	mcsec_sa_get_req_dump_set_spi(of, htonl(SPI + 1));
	all = mcsec_sa_get_dump(ys, of);
	check("and of an SPI, which none has", all && ynl_dump_empty(all), ys);
	mcsec_sa_get_list_free(all);
	mcsec_sa_get_req_dump_free(of);
}

/* Two datagrams that come back: as much as the SA may send. */
static void send_two(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(5000),
		.sin_addr.s_addr = inet_addr("239.1.1.1"),
	};
	struct ip_mreqn join = {
		.imr_multiaddr = to.sin_addr,
		.imr_ifindex = if_nametoindex("dummy0"),
	};
	int i, s = socket(AF_INET, SOCK_DGRAM, 0);

	setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &join, sizeof(join));
	setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join));
	for (i = 0; i < 2; i++)
		sendto(s, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	close(s);
}

static void senders(struct ynl_sock *ys)
{
	struct mcsec_sender_get_req_dump *of;
	struct mcsec_sender_get_list *all;
	struct mcsec_sender_get_rsp *there;
	unsigned int n = 0;

	REQUEST(sender_get_req);

	mcsec_sender_get_req_set_group(req, "g");
	mcsec_sender_get_req_set_spi(req, htonl(SPI));
	mcsec_sender_get_req_set_sender_id(req, SID);
	there = mcsec_sender_get(ys, req);
	mcsec_sender_get_req_free(req);
	check("sender-get", there && there->packets && there->counter, ys);
	if (there)
		mcsec_sender_get_rsp_free(there);

	of = mcsec_sender_get_req_dump_alloc();
	mcsec_sender_get_req_dump_set_group(of, "g");
	mcsec_sender_get_req_dump_set_spi(of, htonl(SPI));
	all = mcsec_sender_get_dump(ys, of);
	mcsec_sender_get_req_dump_free(of);
	if (all)
		ynl_dump_foreach(all, one)
			n += one->sender_id == SID;
	check("sender-get, dump", n == 1, ys);
	mcsec_sender_get_list_free(all);
}

static void make_sender(struct ynl_sock *ys)
{
	struct mcsec_sender_set_req *set;
	struct mcsec_sender_get_req *get;
	struct mcsec_sender_get_rsp *there;
	struct mcsec_sender_del_req *del;

	REQUEST(sender_new_req);

	mcsec_sender_new_req_set_group(req, "g");
	mcsec_sender_new_req_set_spi(req, htonl(SPI));
	mcsec_sender_new_req_set_sender_id(req, SID + 1);
	mcsec_sender_new_req_set_name(req, "s.example");
	check("sender-new", !mcsec_sender_new(ys, req), ys);
	mcsec_sender_new_req_free(req);

	set = mcsec_sender_set_req_alloc();
	mcsec_sender_set_req_set_group(set, "g");
	mcsec_sender_set_req_set_spi(set, htonl(SPI));
	mcsec_sender_set_req_set_sender_id(set, SID + 1);
	mcsec_sender_set_req_set_name(set, "t.example");
	check("sender-set", !mcsec_sender_set(ys, set), ys);
	mcsec_sender_set_req_free(set);

	get = mcsec_sender_get_req_alloc();
	mcsec_sender_get_req_set_group(get, "g");
	mcsec_sender_get_req_set_spi(get, htonl(SPI));
	mcsec_sender_get_req_set_sender_id(get, SID + 1);
	there = mcsec_sender_get(ys, get);
	check("sender-get of what sender-set named",
	      there && there->name && !strcmp(there->name, "t.example") &&
		      !there->packets,
	      ys);
	if (there)
		mcsec_sender_get_rsp_free(there);

	del = mcsec_sender_del_req_alloc();
	mcsec_sender_del_req_set_group(del, "g");
	mcsec_sender_del_req_set_spi(del, htonl(SPI));
	mcsec_sender_del_req_set_sender_id(del, SID + 1);
	check("sender-del", !mcsec_sender_del(ys, del), ys);
	mcsec_sender_del_req_free(del);
	check("no sender-get after sender-del",
	      !mcsec_sender_get(ys, get) && strstr(ys->err.msg, "no sender"),
	      ys);
	mcsec_sender_get_req_free(get);
}

/* A group without an SA in transport mode, which edges cannot be beside. */
static void group_of_edges(struct ynl_sock *ys)
{
	in_addr_t dst = inet_addr("239.2.2.2");

	REQUEST(group_new_req);

	mcsec_group_new_req_set_name(req, "e");
	mcsec_group_new_req_set_dst(req, &dst, sizeof(dst));
	check("group-new for edges", !mcsec_group_new(ys, req), ys);
	mcsec_group_new_req_free(req);
}

static void edges(struct ynl_sock *ys)
{
	__u32 *senders = calloc(1, sizeof(*senders));
	in_addr_t peer = inet_addr("192.0.2.1");
	struct mcsec_edge_get_req_dump *of;
	struct mcsec_edge_get_list *all;
	struct mcsec_edge_get_rsp *there;
	struct mcsec_edge_get_req *get;
	struct mcsec_edge_set_req *set;
	struct mcsec_edge_del_req *del;
	unsigned int n = 0;

	REQUEST(edge_new_req);

	group_of_edges(ys);
	senders[0] = SID << 16 | SID;
	mcsec_edge_new_req_set_group(req, "e");
	mcsec_edge_new_req_set_id(req, 3);
	mcsec_edge_new_req_set_local_port(req, htons(4500));
	mcsec_edge_new_req_set_peer(req, &peer, sizeof(peer));
	mcsec_edge_new_req_set_peer_port(req, htons(4501));
	mcsec_edge_new_req_set_dir(req, MCSEC_EDGE_DIR_DOWN);
	__mcsec_edge_new_req_set_senders(req, senders, 1);
	check("edge-new", !mcsec_edge_new(ys, req), ys);
	mcsec_edge_new_req_free(req);

	set = mcsec_edge_set_req_alloc();
	mcsec_edge_set_req_set_group(set, "e");
	mcsec_edge_set_req_set_id(set, 3);
	mcsec_edge_set_req_set_mtu(set, 1400);
	check("edge-set", !mcsec_edge_set(ys, set), ys);
	mcsec_edge_set_req_free(set);

	get = mcsec_edge_get_req_alloc();
	mcsec_edge_get_req_set_group(get, "e");
	mcsec_edge_get_req_set_id(get, 3);
	there = mcsec_edge_get(ys, get);
	check("edge-get",
	      there && there->mtu == 1400 && there->_count.senders == 1 &&
		      there->senders[0] == (SID << 16 | SID),
	      ys);
	if (there)
		mcsec_edge_get_rsp_free(there);

	of = mcsec_edge_get_req_dump_alloc();
	mcsec_edge_get_req_dump_set_group(of, "e");
	all = mcsec_edge_get_dump(ys, of);
	mcsec_edge_get_req_dump_free(of);
	if (all)
		ynl_dump_foreach(all, one)
			n += one->id == 3;
	check("edge-get, dump", n == 1, ys);
	mcsec_edge_get_list_free(all);

	del = mcsec_edge_del_req_alloc();
	mcsec_edge_del_req_set_group(del, "e");
	mcsec_edge_del_req_set_id(del, 3);
	check("edge-del", !mcsec_edge_del(ys, del), ys);
	mcsec_edge_del_req_free(del);
	check("no edge-get after edge-del",
	      !mcsec_edge_get(ys, get) && strstr(ys->err.msg, "no edge"), ys);
	mcsec_edge_get_req_free(get);
}

static void stats(struct ynl_sock *ys)
{
	struct mcsec_stats_get_list *all;
	struct mcsec_stats_get_rsp *there;
	unsigned int n = 0;

	REQUEST(stats_get_req);

	mcsec_stats_get_req_set_name(req, "out-protected");
	there = mcsec_stats_get(ys, req);
	mcsec_stats_get_req_free(req);
	check("stats-get", there && there->value == 2, ys);
	if (there)
		mcsec_stats_get_rsp_free(there);
	all = mcsec_stats_get_dump(ys);
	if (all)
		ynl_dump_foreach(all, one)
			n += !strcmp(one->name, "in-accepted");
	check("stats-get, dump", n == 1, ys);
	mcsec_stats_get_list_free(all);
}

/* The notifications that have come. */
static void events(struct ynl_sock *ys)
{
	struct ynl_ntf_base_type *ntf;
	unsigned int seen = 0;

	ynl_ntf_check(ys);
	while ((ntf = ynl_ntf_dequeue(ys))) {
		seen |= 1U << ntf->cmd;
		if (ntf->cmd == MCSEC_CMD_HARD_EXPIRE &&
		    ((struct mcsec_hard_expire *)ntf)->obj.limit !=
			    MCSEC_LIMIT_PACKETS)
			seen = 0;
		ynl_ntf_free(ntf);
	}
	check("notifications: new-sender and hard-expire",
	      seen & 1U << MCSEC_CMD_NEW_SENDER &&
		      seen & 1U << MCSEC_CMD_HARD_EXPIRE,
	      ys);
}

static void deletions(struct ynl_sock *ys)
{
	struct mcsec_group_flush_req *flush;
	struct mcsec_sa_flush_req *none;
	struct mcsec_group_del_req *del;
	struct mcsec_group_get_list *all;

	struct mcsec_sa_del_rsp *last;

	REQUEST(sa_del_req);

	mcsec_sa_del_req_set_group(req, "g");
	mcsec_sa_del_req_set_spi(req, htonl(SPI));
	mcsec_sa_del_req_set_last_counts(req);
	last = mcsec_sa_del(ys, req);
	check("sa-del", last && last->out_packets == 2, ys);
	if (last)
		mcsec_sa_del_rsp_free(last);
	check("once", !mcsec_sa_del(ys, req), ys);
	mcsec_sa_del_req_free(req);
	none = mcsec_sa_flush_req_alloc();
	mcsec_sa_flush_req_set_group(none, "g");
	check("sa-flush", !mcsec_sa_flush(ys, none), ys);
	mcsec_sa_flush_req_free(none);
	del = mcsec_group_del_req_alloc();
	mcsec_group_del_req_set_name(del, "g");
	check("group-del", !mcsec_group_del(ys, del), ys);
	mcsec_group_del_req_free(del);
	flush = mcsec_group_flush_req_alloc();
	check("group-flush", !mcsec_group_flush(ys, flush), ys);
	mcsec_group_flush_req_free(flush);
	all = mcsec_group_get_dump(ys);
	check("nothing is left", all && ynl_dump_empty(all), ys);
	mcsec_group_get_list_free(all);
}

int main(void)
{
	struct ynl_sock *ys, *told;
	struct ynl_error err;

	ys = ynl_sock_create(&ynl_mcsec_family, &err);
	told = ys ? ynl_sock_create(&ynl_mcsec_family, &err) : NULL;
	if (!told) {
		printf("Bail out! %s\n", err.msg);
		return 1;
	}
	check("subscribed", !ynl_subscribe(told, "events"), told);
	groups(ys);
	sas(ys);
	make_sender(ys);
	send_two();
	senders(ys);
	stats(ys);
	edges(ys);
	events(told);
	deletions(ys);
	ynl_sock_destroy(told);
	ynl_sock_destroy(ys);
	printf("1..%d\n", number);
	return failed > 0;
}
