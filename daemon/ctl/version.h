/* SPDX-License-Identifier: Apache-2.0 */
/* Versions that programs see, of mcsecd and mcsecctl alike. */
#ifndef CTL_VERSION_H
#define CTL_VERSION_H

#ifndef MCSEC_VERSION
#define MCSEC_VERSION "0.1"
#endif

/*
 * The version of requests, answers and what "mcsecctl -j" prints, as described in
 * Documentation/schema. It grows when a member is renamed, taken away or means
 * something else, since programs rely on these; a new member may come at any time.
 */
#define MCSEC_JSON_VERSION 1

#endif
