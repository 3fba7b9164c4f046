// SPDX-License-Identifier: Apache-2.0
/* Table of the exchanges. */
#include "ike/exchange.h"

const struct exchange ike_exchanges[] = {
	{
		.type = IKE_XCHG_IKE_SA_INIT,
		.by = BY_INITIATOR,
		.in_state = IN_STATE(IKE_ST_NEW),
		.build = init_request,
		.open = init_got_request,
		.answer_unprotected = init_got_answer,
	},
	{
		.type = GIKE_XCHG_GSA_AUTH,
		.by = BY_INITIATOR,
		.in_state = IN_STATE(IKE_ST_INIT_DONE),
		.build = auth_request,
		.request = auth_got_request,
		.answer = auth_got_answer,
		.head = authenticate_head,
	},
	{
		.type = IKE_XCHG_IKE_AUTH,
		.by = BY_INITIATOR,
		.in_state = IN_STATE(IKE_ST_INIT_DONE),
		.build = ike_auth_request,
		.request = ike_auth_got_request,
		.answer = ike_auth_got_answer,
	},
	{
		.type = GIKE_XCHG_GSA_REGISTRATION,
		.by = BY_INITIATOR,
		.in_state = IN_STATE(IKE_ST_UP),
		.build = reg_request,
		.request = reg_got_request,
		.answer = reg_got_answer,
	},
	{
		.type = GIKE_XCHG_GSA_INBAND_REKEY,
		.by = BY_RESPONDER,
		.in_state = IN_STATE(IKE_ST_UP),
		.build = inband_request,
		.request = inband_got_request,
		.answer = inband_got_answer,
	},
	{
		.type = IKE_XCHG_INFORMATIONAL,
		.by = BY_INITIATOR | BY_RESPONDER,
		.in_state = IN_STATE(IKE_ST_UP),
		.build = info_request,
		.request = info_got_request,
		.answer = info_got_answer,
	},
	{
		.type = IKE_XCHG_CREATE_CHILD_SA,
		.by = BY_INITIATOR | BY_RESPONDER,
		.in_state = IN_STATE(IKE_ST_UP),
		.build = child_request,
		.request = child_got_request,
		.answer = child_got_answer,
	},
	{ 0 },
};
