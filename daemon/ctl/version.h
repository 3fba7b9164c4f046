/* SPDX-License-Identifier: Apache-2.0 */
/* Versions that programs see, of mcsecd and mcsecctl. */
#ifndef CTL_VERSION_H
#define CTL_VERSION_H

/* The build defines MCSEC_VERSION, as the file VERSION at the top has it. */
#ifndef MCSEC_VERSION
#define MCSEC_VERSION "unknown"
#endif

/*
 * The version of requests, answers and the output of "mcsecctl -j", as
 * described in Documentation/schema. It increases when a member is renamed,
 * removed or changes its meaning. New members may be added at any time.
 */
#define MCSEC_JSON_VERSION 1

#endif
