/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a text is no address: the mistakes that people make, each with what to write in
 * its place. The functions are for texts that addr.h or selector.h has refused, and
 * return a phrase for behind the text and a colon.
 */
#ifndef LIB_NOADDR_H
#define LIB_NOADDR_H

/* For addr_parse() and prefix_parse(). */
const char *addr_why_not(const char *s);
/* For ep_parse(); -ENODEV, which is an interface that is missing, is the caller's. */
const char *ep_why_not(const char *s);

#endif
