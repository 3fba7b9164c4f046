/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In a simulation hundreds of members in one process verify the same signature
 * of the same message with the same key. That has one answer, so OpenSSL is
 * asked for it once.
 */
#ifndef VERIFIED_H
#define VERIFIED_H

#include <stdbool.h>

/*
 * Remember the last Ed25519 signatures that were verified, or forget them.
 * Each octet of key, signature and message is compared; a signature that did
 * not verify is always tried again. Nothing is remembered before the first call.
 */
void verified_remember(bool yes);

#endif
