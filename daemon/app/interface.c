// SPDX-License-Identifier: Apache-2.0
/*
 * Interfaces on which rekeys are sent and received. The configuration decides,
 * then the route to the rekey address. Without such a route, as in an isolated
 * network that has no default route, the path to the other end decides.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "kernel/route.h"
#include "lib/err.h"

/*
 * Return the device to which the socket is bound, as by "ip vrf exec", or 0.
 */
static uint32_t bound_to(int fd)
{
	int ifindex = 0;
	socklen_t len = sizeof(ifindex);

	if (getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, &len))
		return 0;
	return (uint32_t)ifindex;
}

static bool has_addr(const struct ifaddrs *i, const struct addr *a)
{
	struct sockaddr_storage ss = { 0 };
	struct ep e;

	if (!i->ifa_addr || i->ifa_addr->sa_family != a->family)
		return false;
	memcpy(&ss, i->ifa_addr,
	       a->family == AF_INET ? sizeof(struct sockaddr_in)
				    : sizeof(struct sockaddr_in6));
	return !ep_from_sockaddr(&ss, &e) && addr_equal(&e.addr, a);
}

/* Return the multicast interface that has the address @a, or 0. */
static uint32_t interface_of(const struct addr *a)
{
	struct ifaddrs *list, *i;
	uint32_t found = 0;

	if (getifaddrs(&list))
		return 0;
	for (i = list; i && !found; i = i->ifa_next)
		if (route_is_mcast_dev(i) && has_addr(i, a))
			found = if_nametoindex(i->ifa_name);
	freeifaddrs(list);
	return found;
}

/* Return the only multicast interface, 0 if there are several. */
static uint32_t only_interface(void)
{
	struct ifaddrs *list, *i;
	uint32_t found = 0;
	bool several = false;

	if (getifaddrs(&list))
		return 0;
	for (i = list; i; i = i->ifa_next) {
		uint32_t n = route_is_mcast_dev(i) ? if_nametoindex(i->ifa_name)
						   : 0;

		if (n && found && n != found)
			several = true;
		if (n)
			found = n;
	}
	freeifaddrs(list);
	return several ? 0 : found;
}

/* Return the interface of the path to @other, or 0. */
static uint32_t interface_towards(const struct ep *other, uint32_t bound)
{
	struct route r;
	uint32_t found = 0;

	if (!addr_is_none(&other->addr) && !addr_is_any(&other->addr) &&
	    !route_get(other, bound, &r))
		found = r.local ? interface_of(&other->addr) : r.ifindex;
	/* The interfaces of a VRF cannot be determined here. */
	return found || bound ? found : only_interface();
}

static bool is_loopback(const char *interface)
{
	struct ifaddrs *list, *i;
	bool found = false;

	if (getifaddrs(&list))
		return false;
	for (i = list; i && !found; i = i->ifa_next)
		found = (i->ifa_flags & IFF_LOOPBACK) &&
			!strcmp(i->ifa_name, interface);
	freeifaddrs(list);
	return found;
}

static int configured_interface(const char *interface, uint32_t *ifindex,
				struct err *err)
{
	*ifindex = if_nametoindex(interface);
	if (!*ifindex)
		return err_set(err, -ENODEV, "no interface %s", interface);
	if (route_is_vrf(*ifindex))
		return err_set(err, -EINVAL,
			       "%s is a VRF; name an interface that is enslaved to it",
			       interface);
	if (is_loopback(interface))
		err_set(err, 0,
			"%s is a loopback interface, which no rekey of another host reaches",
			interface);
	return 0;
}

/* Choose an interface when no route to the rekey address decides. */
static int guess_interface(const struct rekey_path *w, uint32_t bound,
			   uint32_t *ifindex, struct err *err)
{
	char a[ADDR_STRLEN], name[IF_NAMESIZE] = "?";

	addr_str(&w->to.addr, a);
	*ifindex = interface_towards(&w->other, bound);
	if (!*ifindex)
		return err_set(err, -ENETUNREACH,
			       "no route to %s; set \"%s\", or a route, or a link up",
			       a, w->setting);
	if_indextoname(*ifindex, name);
	err_set(err, 0,
		"no route to %s; assuming %s (set \"%s\" to "
		"change)",
		a, name, w->setting);
	return 0;
}

int app_choose_interface(const struct rekey_path *w, uint32_t *ifindex,
			 struct err *err)
{
	uint32_t bound = bound_to(w->fd);
	struct route r = { 0 };
	int ret;

	err_clear(err);
	if (w->interface[0])
		return configured_interface(w->interface, ifindex, err);
	ret = route_get(&w->to, bound, &r);
	if (!ret && !r.undecided) {
		*ifindex = r.ifindex;
		if (!route_is_vrf(r.ifindex))
			return 0;
		return err_set(err, -EINVAL,
			       "the route is through a "
			       "VRF; set \"%s\" to an interface that is enslaved to it",
			       w->setting);
	}
	ret = guess_interface(w, bound, ifindex, err);
	/* A route of the kernel, as ff00::/8 on the first interface, is better than none. */
	if (ret && r.ifindex) {
		*ifindex = r.ifindex;
		ret = 0;
	}
	return ret;
}
