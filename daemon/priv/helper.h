/* SPDX-License-Identifier: Apache-2.0 */
/* The process that keeps privileges, see priv.h. */
#ifndef PRIV_HELPER_H
#define PRIV_HELPER_H

/* Answer the messages of @sock until its other end is closed. */
void helper_run(int sock);

#endif
