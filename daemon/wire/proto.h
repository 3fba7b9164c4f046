/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of IKEv2 (RFC 7296) and G-IKEv2 (RFC 9838), with their IANA names.
 * Those of algorithms and identities are in crypto/iana.h.
 *
 * Type 1 has another meaning in each of the four group attribute registries, so
 * every registry has an enum and a prefix of its own.
 */
#ifndef WIRE_PROTO_H
#define WIRE_PROTO_H

#include <stdint.h>

#include "crypto/iana.h"

#define IKE_VERSION 0x20 /* major 2, minor 0 */
#define IKE_PORT 500
#define IKE_NATT_PORT 4500
#define GIKE_PORT 848

#define IKE_HDR_LEN 28
#define IKE_PLD_HDR_LEN 4
#define IKE_SPI_LEN 8

/* RFC 4303 section 2.1 reserves the SPIs below. */
#define ESP_SPI_MIN 256u

/* Flags of the header (RFC 7296 section 3.1). */
#define IKE_FLAG_INITIATOR 0x08
#define IKE_FLAG_VERSION 0x10
#define IKE_FLAG_RESPONSE 0x20

/* Critical bit of a generic payload header (RFC 7296 section 3.2). */
#define IKE_PLD_CRITICAL 0x80

enum ike_xchg {
	IKE_XCHG_IKE_SA_INIT = 34,
	IKE_XCHG_IKE_AUTH = 35,
	IKE_XCHG_CREATE_CHILD_SA = 36,
	IKE_XCHG_INFORMATIONAL = 37,
	IKE_XCHG_IKE_SESSION_RESUME = 38,
	GIKE_XCHG_GSA_AUTH = 39,
	GIKE_XCHG_GSA_REGISTRATION = 40,
	GIKE_XCHG_GSA_REKEY = 41,
	GIKE_XCHG_GSA_INBAND_REKEY = 42,
	IKE_XCHG_IKE_INTERMEDIATE = 43,
	IKE_XCHG_IKE_FOLLOWUP_KE = 44,
};

enum ike_pld {
	IKE_PLD_NONE = 0,
	IKE_PLD_SA = 33, /* SAg too, depending on the exchange */
	IKE_PLD_KE = 34,
	IKE_PLD_IDI = 35,
	IKE_PLD_IDR = 36,
	IKE_PLD_CERT = 37,
	IKE_PLD_CERTREQ = 38,
	IKE_PLD_AUTH = 39,
	IKE_PLD_NONCE = 40,
	IKE_PLD_NOTIFY = 41,
	IKE_PLD_DELETE = 42,
	IKE_PLD_VENDOR = 43,
	IKE_PLD_TSI = 44,
	IKE_PLD_TSR = 45,
	IKE_PLD_SK = 46,
	IKE_PLD_CP = 47,
	IKE_PLD_EAP = 48,
	IKE_PLD_GSPM = 49,
	GIKE_PLD_IDG = 50,
	GIKE_PLD_GSA = 51,
	GIKE_PLD_KD = 52,
	IKE_PLD_SKF = 53,
};

/* Security protocol identifiers. */
enum ike_protoid {
	IKE_PROTO_NONE = 0,
	IKE_PROTO_IKE = 1,
	IKE_PROTO_AH = 2,
	IKE_PROTO_ESP = 3,
	GIKE_PROTO_GIKE_UPDATE = 6,
};

#define GIKE_SPI_LEN_DATA 4 /* ESP and AH */
#define GIKE_SPI_LEN_REKEY 16
#define GIKE_SPI_MAX 16

/* Transform types. */
enum ike_tt {
	IKE_TT_ENCR = 1,
	IKE_TT_PRF = 2,
	IKE_TT_INTEG = 3,
	IKE_TT_KE = 4,
	IKE_TT_SN = 5,
	/* Additional Key Exchange 1 to 7 (RFC 9370); their IDs are those of KE. */
	IKE_TT_ADDKE1 = 6,
	IKE_TT_ADDKE7 = 12,
	GIKE_TT_KWA = 13,
	GIKE_TT_GCAUTH = 14,
};

enum gike_gcauth {
	GIKE_GCAUTH_IMPLICIT = 1,
	GIKE_GCAUTH_DIGSIG = 2,
};

enum gike_sn {
	GIKE_SN_32_SEQ = 0,
	GIKE_SN_64_PARTIAL = 1, /* not for groups: RFC 9838 2.6 */
	GIKE_SN_32_UNSPEC = 2,
};

/* Transform attributes (RFC 7296 section 3.3.5); AF set means TV. */
#define IKE_ATTR_AF 0x8000
#define IKE_ATTR_PRIVATE 16384 /* first one of private use */
enum ike_tattr {
	IKE_TATTR_KEY_LENGTH = 14, /* TV, bits */
	GIKE_TATTR_SIG_ALG_ID = 18, /* TLV, DER AlgorithmIdentifier */
};

/* The four group attribute registries (RFC 9838 section 9). */
enum gike_gsa_attr {
	GIKE_GSA_KEY_LIFETIME = 1,
	GIKE_GSA_INITIAL_MESSAGE_ID = 2,
	GIKE_GSA_NEXT_SPI = 3,
};

enum gike_gwp_attr {
	GIKE_GWP_ATD = 1,
	GIKE_GWP_DTD = 2,
	GIKE_GWP_SENDER_ID_BITS = 3,
	/* Private use: 8 octets of milliseconds, 2 of seconds (gpayload.h). */
	GIKE_GWP_MADE = 17232,
	/*
	 * Private use: SPIs of the next Rekey SAs, in the form of GSA_NEXT_SPI.
	 */
	GIKE_GWP_NEXT_REKEY = 17233,
	/* Private use: 4 octets of seconds (gpayload.h). */
	GIKE_GWP_TERM = 17234,
	/*
	 * Private use, not sent any more and ignored: a value of seconds like GWP_ATD,
	 * which did not say for what Data SA of the sender it was meant.
	 */
	GIKE_GWP_SENDER_ATD = 17235,
	/* Private use: the SPI of a Data SA, and seconds, once or several times. */
	GIKE_GWP_DEAD = 17236,
};

enum gike_gkb_attr {
	GIKE_GKB_SA_KEY = 1,
};

enum gike_mkb_attr {
	GIKE_MKB_WRAP_KEY = 1,
	GIKE_MKB_AUTH_KEY = 2,
	GIKE_MKB_GM_SENDER_ID = 3,
};

enum ike_notify_type {
	IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	IKE_N_INVALID_IKE_SPI = 4,
	IKE_N_INVALID_MAJOR_VERSION = 5,
	IKE_N_INVALID_SYNTAX = 7,
	IKE_N_INVALID_MESSAGE_ID = 9,
	IKE_N_INVALID_SPI = 11,
	IKE_N_NO_PROPOSAL_CHOSEN = 14,
	IKE_N_INVALID_KE_PAYLOAD = 17,
	IKE_N_AUTHENTICATION_FAILED = 24,
	IKE_N_SINGLE_PAIR_REQUIRED = 34,
	IKE_N_NO_ADDITIONAL_SAS = 35,
	IKE_N_INTERNAL_ADDRESS_FAILURE = 36,
	IKE_N_FAILED_CP_REQUIRED = 37,
	IKE_N_TS_UNACCEPTABLE = 38,
	IKE_N_INVALID_SELECTORS = 39,
	IKE_N_UNACCEPTABLE_ADDRESSES = 40,
	IKE_N_UNEXPECTED_NAT_DETECTED = 41,
	IKE_N_TEMPORARY_FAILURE = 43,
	IKE_N_CHILD_SA_NOT_FOUND = 44,
	GIKE_N_INVALID_GROUP_ID = 45,
	GIKE_N_AUTHORIZATION_FAILED = 46,
	IKE_N_STATE_NOT_FOUND = 47,
	GIKE_N_REGISTRATION_FAILED = 49,
	IKE_N_ERROR_MAX = 16383,
	IKE_N_INITIAL_CONTACT = 16384,
	IKE_N_IPCOMP_SUPPORTED = 16387,
	IKE_N_NAT_DETECTION_SOURCE_IP = 16388,
	IKE_N_NAT_DETECTION_DESTINATION_IP = 16389,
	IKE_N_COOKIE = 16390,
	IKE_N_USE_TRANSPORT_MODE = 16391,
	IKE_N_HTTP_CERT_LOOKUP_SUPPORTED = 16392, /* never sent */
	IKE_N_MOBIKE_SUPPORTED = 16396,
	IKE_N_UPDATE_SA_ADDRESSES = 16400,
	IKE_N_COOKIE2 = 16401,
	IKE_N_NO_NATS_ALLOWED = 16402, /* never sent */
	IKE_N_REDIRECT = 16407,
	IKE_N_TICKET_LT_OPAQUE = 16409,
	IKE_N_TICKET_REQUEST = 16410,
	IKE_N_TICKET_ACK = 16411, /* never sent */
	IKE_N_TICKET_NACK = 16412,
	IKE_N_TICKET_OPAQUE = 16413,
	IKE_N_CHILDLESS_IKEV2_SUPPORTED = 16418,
	GIKE_N_GROUP_SENDER = 16429,
	IKE_N_FRAGMENTATION_SUPPORTED = 16430,
	IKE_N_SIGNATURE_HASH_ALGORITHMS = 16431,
	IKE_N_USE_PPK = 16435,
	IKE_N_PPK_IDENTITY = 16436,
	IKE_N_NO_PPK_AUTH = 16437,
	IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED = 16438,
	IKE_N_ADDITIONAL_KEY_EXCHANGE = 16441,
	IKE_N_STATUS_PRIVATE = 40960, /* first one of private use */
	/*
	 * Private use, status types: no implementation has to understand them.
	 */
	MCSEC_N_USED_UP = 50848,
	MCSEC_N_SENDING = 50849,
	MCSEC_N_REKEY_FRAGMENTS = 50850,
	MCSEC_N_RIVAL = 50851,
	MCSEC_N_GROUP = 50852,
	MCSEC_N_LATER = 50853,
	MCSEC_N_CHANGED = 50854,
	MCSEC_N_EDGE_REQUEST = 50855,
	MCSEC_N_EDGE = 50856,
	MCSEC_N_GRANT_REQUEST = 50857,
	MCSEC_N_GRANT = 50858,
	MCSEC_N_GRANT_ENDS = 50859,
};

/* Certificate encodings (RFC 7296 section 3.6). */
#define IKE_CERT_X509_SIGNATURE 4
#define IKE_CERT_HASH_URL_X509 12
#define IKE_CERT_HASH_URL_BUNDLE 13
#define IKE_ADDKE_MAX 7 /* RFC 9370 2.2.1: transform types 6 to 12 */
#define IKE_PPK_ID_FIXED 2 /* RFC 8784 5.1 */
#define IKE_AUTH_SHARED_KEY_MIC 2 /* RFC 7296 3.8 */
#define IKE_AUTH_DIGITAL_SIGNATURE 14 /* RFC 7427 3 */

#define IKE_TS_IPV4_ADDR_RANGE 7
#define IKE_TS_IPV6_ADDR_RANGE 8

/* Limits of this implementation, not of the protocol. */
#define IKE_MSG_MAX 65535 /* largest message that is parsed */
/*
 * Largest plaintext inside SK, with which the message fits UDP over IPv4 with
 * the non-ESP marker.
 */
#define IKE_INNER_MAX 65400
#define IKE_NONCE_MIN 16 /* RFC 7296 2.10 */
#define IKE_NONCE_MAX 256
#define IKE_NONCE_LEN 32
#define IKE_COOKIE_MAX 64 /* RFC 7296 2.6 */
#define IKE_ID_MAX 512

/* Names for logs; never NULL, "unknown" for a number without a name. */
const char *ike_xchg_name(unsigned int xchg);
const char *ike_pld_name(unsigned int pld);
const char *ike_notify_name(unsigned int type);
const char *ike_protoid_name(unsigned int proto);
const char *ike_tt_name(unsigned int type);
const char *ike_encr_name(unsigned int encr);

#endif
