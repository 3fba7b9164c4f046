// SPDX-License-Identifier: GPL-2.0-only
#include "edge.h"
#include "compat.h"
#include "insert.h"

#include <linux/jhash.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

DEFINE_STATIC_KEY_DEFERRED_FALSE(mcsec_edges_exist, HZ);

/* Paths of all namespaces; a port belongs to one of them. */
static struct rhashtable paths;

static const struct rhashtable_params path_params = {
	.head_offset = offsetof(struct mcsec_path, node),
	.key_offset = offsetof(struct mcsec_path, key),
	.key_len = sizeof(struct mcsec_edge_key),
	.automatic_shrinking = true,
};

struct mcsec_path *mcsec_path_find(struct mcsec_port *port,
				   const struct sk_buff *skb)
{
	struct mcsec_edge_key key = {
		.port = port,
		.udp = udp_hdr(skb)->source,
	};

	if (ip_hdr(skb)->version == 4) {
		key.addr.s6_addr32[0] = ip_hdr(skb)->saddr;
	} else {
		key.v6 = true;
		key.addr = ipv6_hdr(skb)->saddr;
	}
	return rhashtable_lookup_fast(&paths, &key, path_params);
}

/* ---- ports ---- */

static void port_free_rcu(struct rcu_head *rcu)
{
	struct mcsec_port *port = container_of(rcu, struct mcsec_port, rcu);
	struct mcsec_net *mnet = port->mnet;

	sock_put(port->sk);
	kfree(port);
	if (atomic_dec_and_test(&mnet->alive))
		wake_up_var(&mnet->alive);
}

static void close_socket(struct socket *sock)
{
	kernel_sock_shutdown(sock, SHUT_RDWR);
	sock_release(sock);
}

/* Return true if UDP gives the packets of the socket to its edges. */
static bool port_receives(const struct mcsec_port *port)
{
	const struct udp_sock *up = udp_sk(port->sk);

	return READ_ONCE(up->encap_type) &&
	       READ_ONCE(up->encap_rcv) == port->rcv;
}

/*
 * Release a port without edges. The socket of a program becomes an ordinary one
 * again, unless the program has given its packets to another function. One that
 * the kernel made is closed, so that its address can be used at once. Packets may
 * still be in the function that takes them.
 */
static void port_put(struct mcsec_port *port)
{
	struct sock *sk = port->sk;

	if (--port->users)
		return;
	list_del(&port->node);
	/* Without the socket's lock: the owner may hold it for as long as it wants. */
	if (port_receives(port)) {
		WRITE_ONCE(udp_sk(sk)->encap_type, 0);
		WRITE_ONCE(udp_sk(sk)->encap_rcv, NULL);
	}
	WRITE_ONCE(udp_sk(sk)->encap_destroy, NULL);
	rcu_assign_sk_user_data(sk, NULL);
	if (port->made)
		close_socket(sk->sk_socket);
	call_rcu(&port->rcu, port_free_rcu);
}

static struct mcsec_port *port_of(struct mcsec_net *mnet, const struct sock *sk)
{
	struct mcsec_port *port;

	list_for_each_entry(port, &mnet->ports, node)
		if (port->sk == sk)
			return port;
	return NULL;
}

/* Delete all edges of ports for which @match returns true. */
static void delete_edges_of(struct mcsec_net *mnet,
			    bool (*match)(const struct mcsec_port *port,
					  const struct sock *sk),
			    const struct sock *sk)
{
	struct mcsec_edge *edge, *next;
	struct mcsec_group *group;
	unsigned long id;

	lockdep_assert_held(&mnet->lock);

	xa_for_each(&mnet->by_id, id, group)
		list_for_each_entry_safe(edge, next, &group->edges, node)
			if (match(edge->port, sk))
				mcsec_edge_del(edge);
}

static bool is_port_of(const struct mcsec_port *port, const struct sock *sk)
{
	return port->sk == sk;
}

/* The owner has closed the socket, so its edges end. Process context. */
static void socket_closed(struct sock *sk)
{
	struct mcsec_net *mnet = mcsec_net_of(sock_net(sk));

	mutex_lock(&mnet->lock);
	if (port_of(mnet, sk))
		delete_edges_of(mnet, is_port_of, sk);
	mutex_unlock(&mnet->lock);
}

/* ---- sockets that their owners took from us ---- */

/*
 * The owner of a socket can give its packets to another function, or to itself
 * (UDP_ENCAP). UDP does not report this, and does not call socket_closed() when such a
 * socket is closed: the port would keep that, and so the namespace with its keys.
 */
static bool is_lost(const struct mcsec_port *port, const struct sock *sk)
{
	return !port->made &&
	       (!port_receives(port) || sock_flag(port->sk, SOCK_DEAD));
}

/* Look at the sockets of programs again in a second, if there are any. */
static void schedule_find_lost(struct mcsec_net *mnet)
{
	const struct mcsec_port *port;

	list_for_each_entry(port, &mnet->ports, node) {
		if (port->made)
			continue;
		queue_delayed_work(system_power_efficient_wq, &mnet->lost_ports,
				   HZ);
		return;
	}
}

static void find_lost(struct work_struct *work)
{
	struct mcsec_net *mnet = container_of(to_delayed_work(work),
					      struct mcsec_net, lost_ports);
	const struct mcsec_port *port;

	mutex_lock(&mnet->lock);
	list_for_each_entry(port, &mnet->ports, node)
		if (is_lost(port, NULL)) {
			delete_edges_of(mnet, is_lost, NULL);
			break;
		}
	schedule_find_lost(mnet);
	mutex_unlock(&mnet->lock);
}

void mcsec_edge_net_init(struct mcsec_net *mnet)
{
	INIT_DELAYED_WORK(&mnet->lost_ports, find_lost);
}

void mcsec_edge_net_exit(struct mcsec_net *mnet)
{
	cancel_delayed_work_sync(&mnet->lost_ports);
}

/* ---- new ports ---- */

/*
 * Give the socket to the port, unless it is another's. The lock is the one under which
 * maps of BPF take sockets.
 */
static bool claim_socket(struct sock *sk, struct mcsec_port *port)
{
	bool taken;

	write_lock_bh(&sk->sk_callback_lock);
	taken = rcu_access_pointer(__sk_user_data(sk)) ||
		READ_ONCE(udp_sk(sk)->encap_type);
	if (!taken)
		rcu_assign_sk_user_data(sk, port);
	write_unlock_bh(&sk->sk_callback_lock);
	return !taken;
}

/*
 * Store the address that the socket is bound to. A socket of IPv6 with an IPv4 address
 * can become one of IPv4 (IPV6_ADDRFORM).
 */
static void port_set_local(struct mcsec_port *port, const struct sock *sk)
{
	port->udp = inet_sk(sk)->inet_sport;
	port->v4 = sk->sk_family == AF_INET;
	if (port->v4) {
		port->local.s6_addr32[0] = inet_sk(sk)->inet_rcv_saddr;
		return;
	}
#if IS_ENABLED(CONFIG_IPV6)
	port->local = sk->sk_v6_rcv_saddr;
	port->v4 = ipv6_addr_v4mapped(&port->local);
	if (port->v4)
		port->local = (struct in6_addr){
			.s6_addr32 = { port->local.s6_addr32[3] },
		};
#endif
}

/*
 * Make @sock the socket of a new port, which has no user yet. The caller holds
 * its lock: that of a program's socket was taken before mnet->lock, see
 * try_lock_socket().
 */
static struct mcsec_port *port_attach(struct mcsec_net *mnet,
				      struct socket *sock, bool made,
				      mcsec_edge_rcv *rcv)
{
	struct udp_tunnel_sock_cfg cfg = {
		.encap_type = 1,
		.encap_rcv = rcv,
		.encap_destroy = made ? NULL : socket_closed,
	};
	struct sock *sk = sock->sk;
	struct mcsec_port *port;
	bool loops;

	port = kzalloc(sizeof(*port), GFP_KERNEL_ACCOUNT);
	if (!port)
		return ERR_PTR(-ENOMEM);
	port->mnet = mnet;
	port->sk = sk;
	port->made = made;
	port->rcv = rcv;
	port_set_local(port, sk);
	cfg.sk_user_data = port;
	if (!claim_socket(sk, port)) {
		kfree(port);
		return ERR_PTR(-EBUSY);
	}
	/* setup_udp_tunnel_sock() clears IP_MULTICAST_LOOP, which the owner may
	 * rely on.
	 */
	loops = mcsec_mc_loop(sk);
	setup_udp_tunnel_sock(mnet->net, mcsec_udp_tunnel_sk(sock), &cfg);
	mcsec_set_mc_loop(sk, loops);
	sock_hold(sk);
	atomic_inc(&mnet->alive);
	list_add(&port->node, &mnet->ports);
	schedule_find_lost(mnet);
	return port;
}

/* Return a port that the kernel made at the address before, or NULL. */
static struct mcsec_port *
find_kernel_port(struct mcsec_net *mnet, const struct mcsec_edge_config *config)
{
	struct mcsec_port *port;

	list_for_each_entry(port, &mnet->ports, node)
		if (port->made && port->udp == config->local_udp &&
		    port->v4 != config->set.v6 &&
		    ipv6_addr_equal(&port->local, &config->local))
			return port;
	return NULL;
}

/*
 * Return the port of config->local, with a socket that the kernel makes if there
 * is none yet. The socket has the family of the peer; one of IPv6 takes no IPv4.
 */
static struct mcsec_port *port_of_kernel(struct mcsec_net *mnet,
					 const struct mcsec_edge_config *config)
{
	struct udp_port_cfg cfg = {
		.family = config->set.v6 ? AF_INET6 : AF_INET,
		.local_udp_port = config->local_udp,
		.use_udp6_tx_checksums = true,
		.use_udp6_rx_checksums = true,
		.ipv6_v6only = true,
	};
	struct mcsec_port *port = find_kernel_port(mnet, config);
	struct socket *sock;
	int err;

	if (port)
		return port;
	if (!config->set.v6)
		cfg.local_ip.s_addr = config->local.s6_addr32[0];
#if IS_ENABLED(CONFIG_IPV6)
	else
		cfg.local_ip6 = config->local;
#endif
	err = udp_sock_create(mnet->net, &cfg, &sock);
	if (err)
		return ERR_PTR(err);
	lock_sock(sock->sk);
	port = port_attach(mnet, sock, true, config->rcv);
	release_sock(sock->sk);
	if (IS_ERR(port))
		close_socket(sock);
	return port;
}

static struct mcsec_port *port_get(struct mcsec_net *mnet,
				   const struct mcsec_edge_config *config)
{
	struct mcsec_port *port;

	if (!IS_ENABLED(CONFIG_NET_UDP_TUNNEL))
		return ERR_PTR(-EOPNOTSUPP);
	if (!config->sock) {
		port = port_of_kernel(mnet, config);
	} else {
		port = port_of(mnet, config->sock->sk);
		if (!port)
			port = port_attach(mnet, config->sock, false,
					   config->rcv);
	}
	if (!IS_ERR(port))
		port->users++;
	return port;
}

/* ---- paths ---- */

/* Return true if the socket can send to addresses of the family. */
static bool can_send(const struct mcsec_port *port, bool v6)
{
	if (port->v4 || port->sk->sk_family == AF_INET)
		return !v6;
	return v6 || (ipv6_addr_any(&port->local) && !ipv6_only_sock(port->sk));
}

static void path_free(struct mcsec_path *path)
{
	dst_cache_destroy(&path->home);
	dst_cache_destroy(&path->route);
	kfree(path);
}

static void path_free_rcu(struct rcu_head *rcu)
{
	path_free(container_of(rcu, struct mcsec_path, rcu));
}

static struct mcsec_path *path_new(struct mcsec_edge *edge,
				   const struct mcsec_edge_set *set)
{
	struct mcsec_path *path;

	if (!can_send(edge->port, set->v6))
		return ERR_PTR(-EAFNOSUPPORT);
	path = kzalloc(sizeof(*path), GFP_KERNEL_ACCOUNT);
	if (!path)
		return ERR_PTR(-ENOMEM);
	path->edge = edge;
	path->set = *set;
	path->key.port = edge->port;
	path->key.addr = set->addr;
	path->key.udp = set->udp;
	path->key.v6 = set->v6;
	if (dst_cache_init(&path->route, GFP_KERNEL_ACCOUNT))
		goto err_path;
	if (dst_cache_init(&path->home, GFP_KERNEL_ACCOUNT))
		goto err_route;
	return path;

err_route:
	dst_cache_destroy(&path->route);
err_path:
	kfree(path);
	return ERR_PTR(-ENOMEM);
}

/* Returns 0, -ENOTUNIQ if an edge has the peer and the socket, or -ENOMEM. */
static int path_insert(struct mcsec_path *path)
{
	unsigned int tries = 0;
	int err;

	do {
		err = rhashtable_lookup_insert_fast(&paths, &path->node,
						    path_params);
	} while (mcsec_insert_again(&err, &tries));
	return err == -EEXIST ? -ENOTUNIQ : err;
}

/* ---- edges ---- */

struct mcsec_edge *mcsec_edge_of(struct mcsec_group *group, u32 id)
{
	struct mcsec_edge *edge;

	lockdep_assert_held(&group->mnet->lock);

	list_for_each_entry(edge, &group->edges, node)
		if (edge->id == id)
			return edge;
	return NULL;
}

static void edge_free(struct mcsec_edge *edge)
{
	free_percpu(edge->cpu);
	kfree(edge);
}

static void edge_free_rcu(struct rcu_head *rcu)
{
	edge_free(container_of(rcu, struct mcsec_edge, rcu));
}

void mcsec_edge_put(struct mcsec_edge *edge)
{
	if (edge && refcount_dec_and_test(&edge->refs))
		call_rcu(&edge->rcu, edge_free_rcu);
}

static struct mcsec_path *path_of(const struct mcsec_edge *edge)
{
	struct mutex *lock = &edge->group->mnet->lock;

	return rcu_dereference_protected(edge->path, lockdep_is_held(lock));
}

static void flush_edges(struct mcsec_group *group)
{
	struct mcsec_edge *edge, *next;

	list_for_each_entry_safe(edge, next, &group->edges, node)
		mcsec_edge_del(edge);
}

static struct mcsec_edge *edge_alloc(struct mcsec_group *group,
				     const struct mcsec_edge_config *config)
{
	struct mcsec_edge *edge = kzalloc(sizeof(*edge), GFP_KERNEL_ACCOUNT);

	if (!edge)
		return NULL;
	edge->cpu = alloc_percpu_gfp(struct mcsec_edge_cpu, GFP_KERNEL_ACCOUNT);
	if (!edge->cpu) {
		kfree(edge);
		return NULL;
	}
	edge->group = group;
	edge->id = config->id;
	refcount_set(&edge->refs, 1);
	if (config->dev)
		strscpy(edge->dev, config->dev, sizeof(edge->dev));
	return edge;
}

int mcsec_edge_new(struct mcsec_group *group,
		   const struct mcsec_edge_config *config)
{
	struct mcsec_edge *edge;
	struct mcsec_path *path;
	int err;

	lockdep_assert_held(&group->mnet->lock);

	if (mcsec_edge_of(group, config->id))
		return -EEXIST;
	if (group->n_edges >= MCSEC_EDGES_MAX)
		return -ENOSPC;
	edge = edge_alloc(group, config);
	if (!edge)
		return -ENOMEM;
	edge->port = port_get(group->mnet, config);
	err = PTR_ERR_OR_ZERO(edge->port);
	if (err)
		goto err_edge;
	path = path_new(edge, &config->set);
	err = PTR_ERR_OR_ZERO(path);
	if (err)
		goto err_port;
	RCU_INIT_POINTER(edge->path, path);
	/* Set before a datagram finds the edge, and never cleared: an ICMP error may
	 * quote a datagram of an edge that was deleted.
	 */
	WRITE_ONCE(group->candidate.edged, true);
	err = path_insert(path);
	if (err)
		goto err_path;
	edge->serial = ++group->edge_serial;
	group->n_edges++;
	group->flush_edges = flush_edges;
	list_add_tail_rcu(&edge->node, &group->edges);
	static_branch_deferred_inc(&mcsec_edges_exist);
	return 0;

err_path:
	path_free(path);
err_port:
	port_put(edge->port);
err_edge:
	edge_free(edge);
	return err;
}

int mcsec_edge_change(struct mcsec_edge *edge, const struct mcsec_edge_set *set)
{
	struct mcsec_path *path, *old = path_of(edge);
	int err;

	path = path_new(edge, set);
	if (IS_ERR(path))
		return PTR_ERR(path);
	if (!memcmp(&path->key, &old->key, sizeof(path->key)))
		err = rhashtable_replace_fast(&paths, &old->node, &path->node,
					      path_params);
	else
		err = path_insert(path);
	if (err) {
		path_free(path);
		return err;
	}
	/* Until here both peers are accepted, so no datagram is lost in between. */
	if (memcmp(&path->key, &old->key, sizeof(path->key)))
		rhashtable_remove_fast(&paths, &old->node, path_params);
	rcu_assign_pointer(edge->path, path);
	call_rcu(&old->rcu, path_free_rcu);
	return 0;
}

void mcsec_edge_del(struct mcsec_edge *edge)
{
	struct mcsec_path *path = path_of(edge);
	struct mcsec_group *group = edge->group;

	lockdep_assert_held(&group->mnet->lock);

	static_branch_slow_dec_deferred(&mcsec_edges_exist);
	rhashtable_remove_fast(&paths, &path->node, path_params);
	list_del_rcu(&edge->node);
	group->n_edges--;
	call_rcu(&path->rcu, path_free_rcu);
	port_put(edge->port);
	mcsec_edge_put(edge);
}

const struct mcsec_edge_set *mcsec_edge_params(const struct mcsec_edge *edge)
{
	return &path_of(edge)->set;
}

void mcsec_edge_counts(const struct mcsec_edge *edge,
		       struct mcsec_edge_cpu *sum)
{
	const struct mcsec_edge_cpu *c;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(edge->cpu, cpu);
		sum->in_packets += READ_ONCE(c->in_packets);
		sum->in_bytes += READ_ONCE(c->in_bytes);
		sum->in_drops += READ_ONCE(c->in_drops);
		sum->out_packets += READ_ONCE(c->out_packets);
		sum->out_bytes += READ_ONCE(c->out_bytes);
		sum->out_drops += READ_ONCE(c->out_drops);
	}
}

int __init mcsec_edge_init(void)
{
	return rhashtable_init(&paths, &path_params);
}

void mcsec_edge_exit(void)
{
	static_key_deferred_flush(&mcsec_edges_exist);
	rhashtable_destroy(&paths);
}
