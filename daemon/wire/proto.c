// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>

#include "wire/proto.h"

struct name {
	unsigned int num;
	const char *name;
};

static const char *name_of(const struct name *n, size_t len, unsigned int num)
{
	for (size_t i = 0; i < len; i++)
		if (n[i].num == num)
			return n[i].name;
	return "unknown";
}

#define LOOKUP(table, num) \
	name_of(table, sizeof(table) / sizeof((table)[0]), num)

static const struct name xchgs[] = {
	{ IKE_XCHG_IKE_SA_INIT, "IKE_SA_INIT" },
	{ IKE_XCHG_IKE_AUTH, "IKE_AUTH" },
	{ IKE_XCHG_CREATE_CHILD_SA, "CREATE_CHILD_SA" },
	{ IKE_XCHG_INFORMATIONAL, "INFORMATIONAL" },
	{ IKE_XCHG_IKE_SESSION_RESUME, "IKE_SESSION_RESUME" },
	{ GIKE_XCHG_GSA_AUTH, "GSA_AUTH" },
	{ GIKE_XCHG_GSA_REGISTRATION, "GSA_REGISTRATION" },
	{ GIKE_XCHG_GSA_REKEY, "GSA_REKEY" },
	{ GIKE_XCHG_GSA_INBAND_REKEY, "GSA_INBAND_REKEY" },
	{ IKE_XCHG_IKE_INTERMEDIATE, "IKE_INTERMEDIATE" },
	{ IKE_XCHG_IKE_FOLLOWUP_KE, "IKE_FOLLOWUP_KE" },
};

static const struct name plds[] = {
	{ IKE_PLD_NONE, "none" },	{ IKE_PLD_SA, "SA" },
	{ IKE_PLD_KE, "KE" },		{ IKE_PLD_IDI, "IDi" },
	{ IKE_PLD_IDR, "IDr" },		{ IKE_PLD_CERT, "CERT" },
	{ IKE_PLD_CERTREQ, "CERTREQ" }, { IKE_PLD_AUTH, "AUTH" },
	{ IKE_PLD_NONCE, "Nonce" },	{ IKE_PLD_NOTIFY, "N" },
	{ IKE_PLD_DELETE, "D" },	{ IKE_PLD_VENDOR, "V" },
	{ IKE_PLD_TSI, "TSi" },		{ IKE_PLD_TSR, "TSr" },
	{ IKE_PLD_SK, "SK" },		{ IKE_PLD_CP, "CP" },
	{ IKE_PLD_EAP, "EAP" },		{ IKE_PLD_GSPM, "GSPM" },
	{ GIKE_PLD_IDG, "IDg" },	{ GIKE_PLD_GSA, "GSA" },
	{ GIKE_PLD_KD, "KD" },		{ IKE_PLD_SKF, "SKF" },
};

static const struct name notifies[] = {
	{ IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD, "UNSUPPORTED_CRITICAL_PAYLOAD" },
	{ IKE_N_INVALID_IKE_SPI, "INVALID_IKE_SPI" },
	{ IKE_N_INVALID_MAJOR_VERSION, "INVALID_MAJOR_VERSION" },
	{ IKE_N_INVALID_SYNTAX, "INVALID_SYNTAX" },
	{ IKE_N_INVALID_MESSAGE_ID, "INVALID_MESSAGE_ID" },
	{ IKE_N_INVALID_SPI, "INVALID_SPI" },
	{ IKE_N_NO_PROPOSAL_CHOSEN, "NO_PROPOSAL_CHOSEN" },
	{ IKE_N_INVALID_KE_PAYLOAD, "INVALID_KE_PAYLOAD" },
	{ IKE_N_AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED" },
	{ IKE_N_SINGLE_PAIR_REQUIRED, "SINGLE_PAIR_REQUIRED" },
	{ IKE_N_NO_ADDITIONAL_SAS, "NO_ADDITIONAL_SAS" },
	{ IKE_N_INTERNAL_ADDRESS_FAILURE, "INTERNAL_ADDRESS_FAILURE" },
	{ IKE_N_FAILED_CP_REQUIRED, "FAILED_CP_REQUIRED" },
	{ IKE_N_TS_UNACCEPTABLE, "TS_UNACCEPTABLE" },
	{ IKE_N_INVALID_SELECTORS, "INVALID_SELECTORS" },
	{ IKE_N_TEMPORARY_FAILURE, "TEMPORARY_FAILURE" },
	{ IKE_N_CHILD_SA_NOT_FOUND, "CHILD_SA_NOT_FOUND" },
	{ GIKE_N_INVALID_GROUP_ID, "INVALID_GROUP_ID" },
	{ GIKE_N_AUTHORIZATION_FAILED, "AUTHORIZATION_FAILED" },
	{ IKE_N_STATE_NOT_FOUND, "STATE_NOT_FOUND" },
	{ GIKE_N_REGISTRATION_FAILED, "REGISTRATION_FAILED" },
	{ IKE_N_INITIAL_CONTACT, "INITIAL_CONTACT" },
	{ IKE_N_IPCOMP_SUPPORTED, "IPCOMP_SUPPORTED" },
	{ IKE_N_NAT_DETECTION_SOURCE_IP, "NAT_DETECTION_SOURCE_IP" },
	{ IKE_N_NAT_DETECTION_DESTINATION_IP, "NAT_DETECTION_DESTINATION_IP" },
	{ IKE_N_COOKIE, "COOKIE" },
	{ IKE_N_USE_TRANSPORT_MODE, "USE_TRANSPORT_MODE" },
	{ IKE_N_REDIRECT, "REDIRECT" },
	{ IKE_N_TICKET_LT_OPAQUE, "TICKET_LT_OPAQUE" },
	{ IKE_N_TICKET_REQUEST, "TICKET_REQUEST" },
	{ IKE_N_TICKET_ACK, "TICKET_ACK" },
	{ IKE_N_TICKET_NACK, "TICKET_NACK" },
	{ IKE_N_TICKET_OPAQUE, "TICKET_OPAQUE" },
	{ GIKE_N_GROUP_SENDER, "GROUP_SENDER" },
	{ IKE_N_FRAGMENTATION_SUPPORTED, "IKEV2_FRAGMENTATION_SUPPORTED" },
	{ IKE_N_SIGNATURE_HASH_ALGORITHMS, "SIGNATURE_HASH_ALGORITHMS" },
	{ IKE_N_USE_PPK, "USE_PPK" },
	{ IKE_N_PPK_IDENTITY, "PPK_IDENTITY" },
	{ IKE_N_NO_PPK_AUTH, "NO_PPK_AUTH" },
	{ IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED,
	  "INTERMEDIATE_EXCHANGE_SUPPORTED" },
	{ IKE_N_ADDITIONAL_KEY_EXCHANGE, "ADDITIONAL_KEY_EXCHANGE" },
};

static const struct name protos[] = {
	{ IKE_PROTO_NONE, "none" },
	{ IKE_PROTO_IKE, "IKE" },
	{ IKE_PROTO_AH, "AH" },
	{ IKE_PROTO_ESP, "ESP" },
	{ GIKE_PROTO_GIKE_UPDATE, "GIKE_UPDATE" },
};

static const struct name tts[] = {
	{ IKE_TT_ENCR, "ENCR" },   { IKE_TT_PRF, "PRF" },
	{ IKE_TT_INTEG, "INTEG" }, { IKE_TT_KE, "KE" },
	{ IKE_TT_SN, "SN" },	   { IKE_TT_ADDKE1, "ADDKE1" },
	{ 7, "ADDKE2" },	   { 8, "ADDKE3" },
	{ 9, "ADDKE4" },	   { 10, "ADDKE5" },
	{ 11, "ADDKE6" },	   { IKE_TT_ADDKE7, "ADDKE7" },
	{ GIKE_TT_KWA, "KWA" },	   { GIKE_TT_GCAUTH, "GCAUTH" },
};

static const struct name encrs[] = {
	{ IKE_ENCR_AES_CBC, "AES-CBC" },
	{ IKE_ENCR_AES_GCM_16, "AES-GCM-16" },
	{ IKE_ENCR_NULL_AUTH_AES_GMAC, "AES-GMAC" },
	{ IKE_ENCR_CHACHA20_POLY1305, "ChaCha20-Poly1305" },
	{ IKE_ENCR_AES_CCM_8_IIV, "AES-CCM-8-IIV" },
	{ IKE_ENCR_AES_GCM_16_IIV, "AES-GCM-16-IIV" },
	{ IKE_ENCR_CHACHA20_POLY1305_IIV, "ChaCha20-Poly1305-IIV" },
};

const char *ike_xchg_name(unsigned int xchg)
{
	return LOOKUP(xchgs, xchg);
}

const char *ike_pld_name(unsigned int pld)
{
	return LOOKUP(plds, pld);
}

const char *ike_notify_name(unsigned int type)
{
	return LOOKUP(notifies, type);
}

const char *ike_protoid_name(unsigned int proto)
{
	return LOOKUP(protos, proto);
}

const char *ike_tt_name(unsigned int type)
{
	return LOOKUP(tts, type);
}

const char *ike_encr_name(unsigned int encr)
{
	return LOOKUP(encrs, encr);
}
