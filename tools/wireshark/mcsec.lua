-- SPDX-License-Identifier: Apache-2.0
--
-- G-IKEv2 (RFC 9838) for Wireshark and tshark, from version 4.0 on:
--
--	tshark -X lua_script:mcsec.lua -r FILE -V
--
-- "make install" puts this file into /usr/local/share/mcsec/wireshark, from where
-- Wireshark does not load it. For one user it belongs into the folder "Personal Lua
-- Plugins" of "tshark -G folders", and for all users into "Global Lua Plugins"; a
-- link is enough:
--
--	mkdir -p ~/.local/lib/wireshark/plugins
--	ln -s /usr/local/share/mcsec/wireshark/mcsec.lua ~/.local/lib/wireshark/plugins/
--
-- Wireshark's own dissector of IKE reads headers, decrypts, and puts IKE
-- fragments together. This one looks at the payloads that come out of it and
-- explains those of groups: IDg (50), GSA (51) and KD (52) with all that is in
-- them, SA with the transforms of RFC 9838 (which is SAg in GSA_AUTH and
-- GSA_REGISTRATION), and notifies about groups, also those that mcsecd has for
-- itself. Messages to UDP port 848 are IKE. Fields begin with "gikev2.":
--
--	tshark -X lua_script:mcsec.lua -r FILE -Y 'gikev2.key.id == 5'
--	tshark -G fields -X lua_script:mcsec.lua | grep gikev2
--
-- Only encrypted messages have such payloads, so keys are needed: Wireshark's
-- table of IKEv2 keys (Preferences, Protocols, ISAKMP, "IKEv2 Decryption
-- Table"; the file ikev2_decryption_table in its configuration folder). mcsecd
-- writes the lines of its IKE SAs with debug = { export-ike-keys = "FILE" }. The
-- line of a Rekey SA has the halves of its SPI as the SPIs, and GSK_e as the key of
-- both directions:
--
--	SPI 0-7,SPI 8-15,GSK_e,GSK_e,"AES-GCM-256 with 16 octet ICV [RFC5282]",,,"NONE [RFC4306]"
--
-- Nothing that a message contains may raise an error here: each length is
-- compared with what is there before anything is read. What does not fit is
-- marked "gikev2.malformed", and what follows it in that structure is not read.

local gikev2 = Proto("gikev2", "Group Key Management using IKEv2")

-- ---- numbers ---------------------------------------------------------------

local EXCHANGES = {
	[39] = "GSA_AUTH", [40] = "GSA_REGISTRATION", [41] = "GSA_REKEY",
	[42] = "GSA_INBAND_REKEY",
}
local PROTOCOLS = {
	[0] = "none", [1] = "IKE", [2] = "AH", [3] = "ESP", [6] = "GIKE_UPDATE",
}
local ID_TYPES = {
	[1] = "ID_IPV4_ADDR", [2] = "ID_FQDN", [3] = "ID_RFC822_ADDR",
	[5] = "ID_IPV6_ADDR", [9] = "ID_DER_ASN1_DN", [10] = "ID_DER_ASN1_GN",
	[11] = "ID_KEY_ID",
}
local TRANSFORM_TYPES = {
	[1] = "Encryption Algorithm", [2] = "Pseudorandom Function",
	[3] = "Integrity Algorithm", [4] = "Key Exchange Method",
	[5] = "Sequence Numbers", [6] = "Additional Key Exchange 1",
	[7] = "Additional Key Exchange 2", [8] = "Additional Key Exchange 3",
	[9] = "Additional Key Exchange 4", [10] = "Additional Key Exchange 5",
	[11] = "Additional Key Exchange 6", [12] = "Additional Key Exchange 7",
	[13] = "Key Wrap Algorithm",
	[14] = "Group Controller Authentication Method",
}
local KE_METHODS = {
	[0] = "NONE", [14] = "2048-bit MODP", [19] = "256-bit random ECP",
	[20] = "384-bit random ECP", [31] = "Curve25519",
	[36] = "ML-KEM-768",
}
local TRANSFORMS = {
	[1] = {
		[11] = "ENCR_NULL", [12] = "ENCR_AES_CBC", [13] = "ENCR_AES_CTR",
		[20] = "ENCR_AES_GCM_16", [21] = "ENCR_NULL_AUTH_AES_GMAC",
		[28] = "ENCR_CHACHA20_POLY1305",
		[29] = "ENCR_AES_CCM_8_IIV", [30] = "ENCR_AES_GCM_16_IIV",
		[31] = "ENCR_CHACHA20_POLY1305_IIV",
	},
	[2] = {
		[5] = "PRF_HMAC_SHA2_256", [6] = "PRF_HMAC_SHA2_384",
		[7] = "PRF_HMAC_SHA2_512",
	},
	[3] = {
		[0] = "NONE", [12] = "AUTH_HMAC_SHA2_256_128",
		[13] = "AUTH_HMAC_SHA2_384_192", [14] = "AUTH_HMAC_SHA2_512_256",
	},
	[4] = KE_METHODS,
	[5] = {
		[0] = "32-bit Sequential Numbers",
		[1] = "Partially Transmitted 64-bit Sequential Numbers",
		[2] = "32-bit Unspecified Numbers",
	},
	[13] = {
		[1] = "KW_5649_128", [2] = "KW_5649_192", [3] = "KW_5649_256",
		[4] = "KW_ARX",
	},
	[14] = { [1] = "Implicit", [2] = "Digital Signature" },
}
for kind = 6, 12 do
	TRANSFORMS[kind] = KE_METHODS
end
local NOTIFIES = {
	[45] = "INVALID_GROUP_ID", [46] = "AUTHORIZATION_FAILED",
	[49] = "REGISTRATION_FAILED", [16429] = "GROUP_SENDER",
	[50848] = "MCSEC_USED_UP", [50849] = "MCSEC_SENDING",
	[50850] = "MCSEC_FRAGMENTS", [50851] = "MCSEC_RIVAL",
	[50852] = "MCSEC_GROUP", [50853] = "MCSEC_LATER",
	[50854] = "MCSEC_CHANGED", [50855] = "MCSEC_EDGE_REQUEST",
	[50856] = "MCSEC_EDGE", [50857] = "MCSEC_GRANT_REQUEST",
	[50858] = "MCSEC_GRANT", [50859] = "MCSEC_GRANT_ENDS",
}
local TS_TYPES = { [7] = "TS_IPV4_ADDR_RANGE", [8] = "TS_IPV6_ADDR_RANGE" }

-- ---- fields ----------------------------------------------------------------

local F = {
	exchange = ProtoField.uint8("gikev2.exchange", "Exchange", base.DEC,
		EXCHANGES),
	rekey_spi = ProtoField.bytes("gikev2.rekey.spi", "SPI of the Rekey SA"),
	idg = ProtoField.none("gikev2.idg", "Group Identification"),
	idg_type = ProtoField.uint8("gikev2.idg.type", "ID Type", base.DEC,
		ID_TYPES),
	idg_text = ProtoField.string("gikev2.idg.text", "Group"),
	idg_data = ProtoField.bytes("gikev2.idg.data", "Identification Data"),
	idg_ipv4 = ProtoField.ipv4("gikev2.idg.ipv4", "Group"),
	idg_ipv6 = ProtoField.ipv6("gikev2.idg.ipv6", "Group"),
	sa = ProtoField.none("gikev2.sa", "Security Association"),
	sag = ProtoField.none("gikev2.sag", "Security Association of a Group"),
	proposal = ProtoField.none("gikev2.proposal", "Proposal"),
	proposal_num = ProtoField.uint8("gikev2.proposal.number",
		"Proposal Num"),
	gsa = ProtoField.none("gikev2.gsa", "Group Security Association"),
	policy = ProtoField.none("gikev2.policy", "Group SA Policy"),
	gw_policy = ProtoField.none("gikev2.gwp", "Group-Wide Policy"),
	kd = ProtoField.none("gikev2.kd", "Key Download"),
	group_bag = ProtoField.none("gikev2.group_key_bag", "Group Key Bag"),
	member_bag = ProtoField.none("gikev2.member_key_bag", "Member Key Bag"),
	protocol = ProtoField.uint8("gikev2.protocol", "Protocol", base.DEC,
		PROTOCOLS),
	spi_size = ProtoField.uint8("gikev2.spi_size", "SPI Size"),
	length = ProtoField.uint16("gikev2.length", "Length"),
	spi = ProtoField.bytes("gikev2.spi", "SPI"),
	ts = ProtoField.none("gikev2.ts", "Traffic Selector"),
	ts_type = ProtoField.uint8("gikev2.ts.type", "TS Type", base.DEC,
		TS_TYPES),
	ts_protocol = ProtoField.uint8("gikev2.ts.protocol",
		"IP Protocol ID"),
	ts_port = ProtoField.uint16("gikev2.ts.port", "Port"),
	ts_ipv4 = ProtoField.ipv4("gikev2.ts.ipv4", "Address"),
	ts_ipv6 = ProtoField.ipv6("gikev2.ts.ipv6", "Address"),
	transform = ProtoField.none("gikev2.transform", "Transform"),
	transform_type = ProtoField.uint8("gikev2.transform.type",
		"Transform Type", base.DEC, TRANSFORM_TYPES),
	transform_id = ProtoField.uint16("gikev2.transform.id",
		"Transform ID"),
	key_length = ProtoField.uint16("gikev2.transform.key_length",
		"Key Length"),
	sig_alg = ProtoField.bytes("gikev2.transform.signature_algorithm",
		"Signature Algorithm Identifier"),
	attribute = ProtoField.uint16("gikev2.attribute",
		"Attribute of unknown type"),
	value = ProtoField.bytes("gikev2.attribute.value", "Value"),
	lifetime = ProtoField.uint32("gikev2.lifetime", "GSA_KEY_LIFETIME"),
	initial_mid = ProtoField.uint32("gikev2.initial_message_id",
		"GSA_INITIAL_MESSAGE_ID"),
	next_spi = ProtoField.bytes("gikev2.next_spi", "GSA_NEXT_SPI"),
	atd = ProtoField.uint16("gikev2.atd", "GWP_ATD"),
	dtd = ProtoField.uint16("gikev2.dtd", "GWP_DTD"),
	sid_bits = ProtoField.uint16("gikev2.sender_id_bits",
		"GWP_SENDER_ID_BITS"),
	made = ProtoField.uint64("gikev2.mcsec.made",
		"MCSEC_MADE, time of the key server in milliseconds"),
	beat = ProtoField.uint16("gikev2.mcsec.beat",
		"MCSEC_MADE, seconds between beats"),
	next_rekey = ProtoField.bytes("gikev2.mcsec.next_rekey",
		"MCSEC_NEXT_REKEY, SPI of a later Rekey SA"),
	term = ProtoField.uint32("gikev2.mcsec.term",
		"MCSEC_TERM, seconds until the membership ends"),
	sender_atd = ProtoField.uint16("gikev2.mcsec.sender_atd",
		"MCSEC_SENDER_ATD, seconds until this sender begins"),
	dead = ProtoField.uint32("gikev2.mcsec.dead",
		"MCSEC_DEAD, SPI of a Data SA that others have deleted", base.HEX),
	dead_atd = ProtoField.uint16("gikev2.mcsec.dead_atd",
		"Seconds until a sender that uses it begins"),
	sa_key = ProtoField.none("gikev2.sa_key", "SA_KEY"),
	wrap_key = ProtoField.none("gikev2.wrap_key", "WRAP_KEY"),
	key_id = ProtoField.uint32("gikev2.key.id", "Key ID"),
	kwk_id = ProtoField.uint32("gikev2.key.kwk_id", "KWK ID"),
	wrapped = ProtoField.bytes("gikev2.key.encrypted", "Encrypted Key"),
	auth_key = ProtoField.bytes("gikev2.auth_key", "AUTH_KEY"),
	sender_id = ProtoField.uint64("gikev2.sender_id", "GM_SENDER_ID"),
	notify = ProtoField.uint16("gikev2.notify", "Notify Message Type",
		base.DEC, NOTIFIES),
	sender_ids = ProtoField.uint32("gikev2.group_sender",
		"Sender-IDs that are wanted"),
	notify_spi = ProtoField.uint32("gikev2.mcsec.data_spi",
		"SPI of the Data SA", base.HEX),
	notify_group = ProtoField.string("gikev2.mcsec.group", "Group"),
}
local fields = {}
for _, field in pairs(F) do
	fields[#fields + 1] = field
end
gikev2.fields = fields

local malformed = ProtoExpert.new("gikev2.malformed", "Malformed",
	expert.group.MALFORMED, expert.severity.ERROR)
gikev2.experts = { malformed }

local isakmp_exchange = Field.new("isakmp.exchangetype")
local isakmp_payload = Field.new("isakmp.typepayload")
local isakmp_spi_i = Field.new("isakmp.ispi")
local isakmp_spi_r = Field.new("isakmp.rspi")

-- ---- a reader that cannot leave its structure -------------------------------

local Reader = {}
Reader.__index = Reader

local function reader(tvb, at, stop)
	return setmetatable({ tvb = tvb, at = at, stop = stop }, Reader)
end

function Reader:left()
	return self.stop - self.at
end

-- The range of the next octets, which are then read. The caller knows that
-- they are there.
function Reader:take(n)
	local range = self.tvb:range(self.at, n)

	self.at = self.at + n
	return range
end

-- A number at an offset ahead.
function Reader:peek(offset, n)
	return self.tvb:range(self.at + offset, n):uint()
end

local function complain(tree, why)
	tree:add_proto_expert_info(malformed, why)
end

-- A subtree over the next @n octets with a reader of them, or nil if the length
-- is impossible.
local function structure(r, tree, field, n, least, what)
	if n < least or n > r:left() then
		complain(tree, string.format(
			"%s: the length is %d, and %d octets are left", what, n,
			r:left()))
		return nil
	end
	local sub = tree:add(field, r.tvb:range(r.at, n))
	local inner = reader(r.tvb, r.at, r.at + n)

	r.at = r.at + n
	return sub, inner
end

-- Adds the rest of a structure, if there is any.
local function add_rest(r, tree, field)
	if r:left() > 0 then
		tree:add(field, r:take(r:left()))
	end
end

-- Adds a field of exactly @n octets that uses up the structure.
local function add_exactly(n)
	return function(r, tree, field, what)
		if r:left() == n then
			tree:add(field, r:take(n))
			return
		end
		complain(tree, string.format("%s has %d octets and not %d", what,
			r:left(), n))
		add_rest(r, tree, F.value)
	end
end

local add_u16, add_u32 = add_exactly(2), add_exactly(4)

-- ---- attributes (RFC 7296 section 3.3.5) -----------------------------------

-- Each context is a registry of its own: type 1 has four meanings.
local function attributes(r, tree, known)
	while r:left() > 0 do
		if r:left() < 4 then
			complain(tree, "an attribute is cut off")
			return
		end
		local kind, n = r:peek(0, 2), r:peek(2, 2)
		local short = kind >= 0x8000
		local head = r:take(2)
		local inner

		if short then
			kind = kind - 0x8000
			inner = reader(r.tvb, r.at, r.at + 2)
			r.at = r.at + 2
		else
			r.at = r.at + 2
			if n > r:left() then
				complain(tree, string.format(
					"attribute %d: the length is %d, and %d octets are left",
					kind, n, r:left()))
				return
			end
			inner = reader(r.tvb, r.at, r.at + n)
			r.at = r.at + n
		end
		local handler = known[kind]

		if handler then
			handler(inner, tree)
		else
			local sub = tree:add(F.attribute, head, kind)

			add_rest(inner, sub, F.value)
		end
	end
end

local function u16(field, what)
	return function(r, tree)
		add_u16(r, tree, field, what)
	end
end

local function u32(field, what)
	return function(r, tree)
		add_u32(r, tree, field, what)
	end
end

local function octets(field)
	return function(r, tree)
		add_rest(r, tree, field)
	end
end

local function wrapped_key(field, what)
	return function(r, tree)
		if r:left() < 8 then
			complain(tree, what .. " is cut off")
			return
		end
		local n = r:left()
		local id, kwk = r:peek(0, 4), r:peek(4, 4)
		local sub = tree:add(field, r.tvb:range(r.at, n))

		sub:append_text(string.format(": Key ID %u, KWK ID %u", id, kwk))
		sub:add(F.key_id, r:take(4))
		sub:add(F.kwk_id, r:take(4))
		add_rest(r, sub, F.wrapped)
	end
end

local function sender_id(r, tree)
	if r:left() < 1 or r:left() > 8 then
		complain(tree, "GM_SENDER_ID has " .. r:left() .. " octets")
		return
	end
	tree:add(F.sender_id, r:take(r:left()))
end

local function made(r, tree)
	if r:left() ~= 10 then
		complain(tree, "MCSEC_MADE has " .. r:left() .. " octets")
		return
	end
	tree:add(F.made, r:take(8))
	tree:add(F.beat, r:take(2))
end

local function dead(r, tree)
	if r:left() == 0 or r:left() % 6 ~= 0 then
		complain(tree, "MCSEC_DEAD has " .. r:left() .. " octets")
		return
	end
	while r:left() > 0 do
		tree:add(F.dead, r:take(4))
		tree:add(F.dead_atd, r:take(2))
	end
end

local TRANSFORM_ATTRIBUTES = {
	[14] = u16(F.key_length, "Key Length"),
	[18] = octets(F.sig_alg),
}
local SA_ATTRIBUTES = {
	[1] = u32(F.lifetime, "GSA_KEY_LIFETIME"),
	[2] = u32(F.initial_mid, "GSA_INITIAL_MESSAGE_ID"),
	[3] = octets(F.next_spi),
}
local GW_ATTRIBUTES = {
	[1] = u16(F.atd, "GWP_ATD"),
	[2] = u16(F.dtd, "GWP_DTD"),
	[3] = u16(F.sid_bits, "GWP_SENDER_ID_BITS"),
	[17232] = made,
	[17233] = octets(F.next_rekey),
	[17234] = u32(F.term, "MCSEC_TERM"),
	[17235] = u16(F.sender_atd, "MCSEC_SENDER_ATD"),
	[17236] = dead,
}
local GROUP_BAG_ATTRIBUTES = { [1] = wrapped_key(F.sa_key, "SA_KEY") }
local MEMBER_BAG_ATTRIBUTES = {
	[1] = wrapped_key(F.wrap_key, "WRAP_KEY"),
	[2] = octets(F.auth_key),
	[3] = sender_id,
}

-- ---- transforms, traffic selectors -----------------------------------------

-- Returns whether the list ended as it should.
local function transforms(r, tree)
	local last = 3

	while last ~= 0 do
		if r:left() < 8 then
			complain(tree, "the transforms are cut off")
			return false
		end
		last = r:peek(0, 1)
		local sub, one = structure(r, tree, F.transform, r:peek(2, 2), 8,
			"transform")

		if not sub then
			return false
		end
		one.at = one.at + 4
		local kind, id = one:peek(0, 1), one:peek(2, 2)
		local name = TRANSFORMS[kind] and TRANSFORMS[kind][id]

		sub:append_text(string.format(": %s, %s",
			TRANSFORM_TYPES[kind] or kind, name or id))
		sub:add(F.transform_type, one:take(1))
		one.at = one.at + 1
		sub:add(F.transform_id, one:take(2)):append_text(
			name and " (" .. name .. ")" or "")
		attributes(one, sub, TRANSFORM_ATTRIBUTES)
	end
	return true
end

local function traffic_selector(r, tree, what)
	if r:left() < 4 then
		complain(tree, what .. " is cut off")
		return false
	end
	local sub, one = structure(r, tree, F.ts, r:peek(2, 2), 8, what)

	if not sub then
		return false
	end
	local kind = one:peek(0, 1)
	local size = kind == 7 and 4 or kind == 8 and 16
	local field = kind == 7 and F.ts_ipv4 or F.ts_ipv6

	sub:prepend_text(what .. ", ")
	sub:add(F.ts_type, one:take(1))
	sub:add(F.ts_protocol, one:take(1))
	one.at = one.at + 2
	sub:add(F.ts_port, one:take(2)):prepend_text("First ")
	sub:add(F.ts_port, one:take(2)):prepend_text("Last ")
	if not size or one:left() ~= 2 * size then
		complain(sub, what .. " has no two addresses of its type")
		add_rest(one, sub, F.value)
		return true
	end
	sub:add(field, one:take(size)):prepend_text("First ")
	sub:add(field, one:take(size)):prepend_text("Last ")
	return true
end

-- ---- payloads --------------------------------------------------------------

local function add_head(r, tree)
	tree:add(F.protocol, r:take(1))
	tree:add(F.spi_size, r:take(1))
	tree:add(F.length, r:take(2))
end

-- Adds an SPI. Returns false if it does not fit.
local function add_spi(r, tree, n)
	if n > r:left() then
		complain(tree, "the SPI is cut off")
		return false
	end
	if n > 0 then
		tree:add(F.spi, r:take(n))
	end
	return true
end

local function policy(r, tree)
	local size = r:peek(1, 1)

	tree:append_text(": " .. (PROTOCOLS[r:peek(0, 1)] or r:peek(0, 1)))
	add_head(r, tree)
	if add_spi(r, tree, size) and
	   traffic_selector(r, tree, "Source Traffic Selector") and
	   traffic_selector(r, tree, "Destination Traffic Selector") and
	   transforms(r, tree) then
		attributes(r, tree, SA_ATTRIBUTES)
	end
end

local function bag(r, tree)
	local size = r:peek(1, 1)

	tree:append_text(": " .. (PROTOCOLS[r:peek(0, 1)] or r:peek(0, 1)))
	add_head(r, tree)
	if add_spi(r, tree, size) then
		attributes(r, tree, GROUP_BAG_ATTRIBUTES)
	end
end

-- What begins with protocol 0 has no SPI.
local function without_spi(known)
	return function(r, tree)
		tree:add(F.protocol, r:take(1))
		r.at = r.at + 1
		tree:add(F.length, r:take(2))
		attributes(r, tree, known)
	end
end

local gw_policy = without_spi(GW_ATTRIBUTES)
local member_bag = without_spi(MEMBER_BAG_ATTRIBUTES)

-- GSA and KD are lists of structures that begin alike.
local function list_of(what, with_spi, of_spi, without, of_none)
	return function(r, tree)
		while r:left() > 0 do
			if r:left() < 4 then
				complain(tree, what .. " is cut off")
				return
			end
			local proto = r:peek(0, 1)
			local sub, one = structure(r, tree,
				proto == 0 and without or with_spi,
				r:peek(2, 2), 4, what)

			if not sub then
				return
			end
			if proto == 0 then
				of_none(one, sub)
			else
				of_spi(one, sub)
			end
		end
	end
end

local function group_id(r, tree)
	if r:left() < 4 then
		complain(tree, "IDg is cut off")
		return
	end
	local kind = r:peek(0, 1)
	local size = r:left() - 4
	local field = F.idg_data

	if kind == 1 and size == 4 then
		field = F.idg_ipv4
	elseif kind == 5 and size == 16 then
		field = F.idg_ipv6
	elseif kind == 2 or kind == 3 or kind == 11 then
		field = F.idg_text
	end
	tree:add(F.idg_type, r:take(1))
	r.at = r.at + 3
	if size == 0 then
		complain(tree, "IDg is empty")
	end
	add_rest(r, tree, field)
end

local function proposals(r, tree)
	while r:left() > 0 do
		if r:left() < 8 then
			complain(tree, "a proposal is cut off")
			return
		end
		local last = r:peek(0, 1)
		local sub, one = structure(r, tree, F.proposal, r:peek(2, 2), 8,
			"proposal")

		if not sub then
			return
		end
		local size, n = one:peek(6, 1), one:peek(7, 1)

		sub:append_text(string.format(" %d: %s", one:peek(4, 1),
			PROTOCOLS[one:peek(5, 1)] or one:peek(5, 1)))
		one.at = one.at + 4
		sub:add(F.proposal_num, one:take(1))
		sub:add(F.protocol, one:take(1))
		sub:add(F.spi_size, one:take(1))
		one.at = one.at + 1
		if not add_spi(one, sub, size) or
		   n > 0 and not transforms(one, sub) then
			return
		end
		if one:left() > 0 then
			complain(sub, one:left() .. " octets follow the transforms")
		end
		if last == 0 then
			break
		end
	end
	if r:left() > 0 then
		complain(tree, r:left() .. " octets follow the last proposal")
	end
end

-- Notifies that are not about groups are left to Wireshark.
local function notify(r, tree)
	if r:left() < 4 or not NOTIFIES[r:peek(2, 2)] then
		return
	end
	local kind, size = r:peek(2, 2), r:peek(1, 1)

	r.at = r.at + 2
	local sub = tree:add(F.notify, r:take(2))

	if size > r:left() then
		complain(sub, "the notify is cut off")
		return
	end
	r.at = r.at + size
	if kind == 16429 then
		add_u32(r, sub, F.sender_ids, "GROUP_SENDER")
	elseif kind == 50849 or kind == 50851 or kind == 50854 then
		if r:left() < 4 then
			complain(sub, "the notify is cut off")
			return
		end
		sub:add(F.notify_spi, r:take(4))
		add_rest(r, sub, F.notify_group)
	elseif kind == 50852 then
		add_rest(r, sub, F.notify_group)
	end
end

local PAYLOADS = {
	[33] = { F.sa, proposals },
	[50] = { F.idg, group_id },
	[51] = { F.gsa, list_of("GSA", F.policy, policy, F.gw_policy, gw_policy) },
	[52] = { F.kd, list_of("KD", F.group_bag, bag, F.member_bag, member_bag) },
}

-- ---- messages --------------------------------------------------------------

local function payload(info, exchange, tree)
	local tvb, at, n = info.source, info.offset, info.len
	local how = PAYLOADS[info.value]

	if not tvb or n < 4 or at + n > tvb:captured_len() then
		if how then
			complain(tree, "payload " .. info.value .. " is cut off")
		end
		return
	end
	local r = reader(tvb, at + 4, at + n)

	if info.value == 41 then
		notify(r, tree)
	elseif how then
		local field = how[1]

		if info.value == 33 and EXCHANGES[exchange] then
			field = F.sag
		end
		how[2](r, tree:add(field, tvb:range(at, n)))
	end
end

function gikev2.dissector(tvb, pinfo, tree)
	local exchange = isakmp_exchange()
	local infos = { isakmp_payload() }

	if not exchange then
		return
	end
	local kind, about = exchange.value, EXCHANGES[exchange.value]
	local spi_i, spi_r = isakmp_spi_i(), isakmp_spi_r()
	local sub = tree:add(gikev2, tvb:range(0, tvb:captured_len()))

	if about then
		sub:append_text(", " .. about)
		sub:add(F.exchange, kind)
		pinfo.cols.info:prepend(about .. " ")
	end
	if kind == 41 and spi_i and spi_r then
		local first = spi_i.source

		if first and spi_i.offset + 16 <= first:captured_len() then
			sub:add(F.rekey_spi, first:range(spi_i.offset, 16))
		end
	end
	for _, info in ipairs(infos) do
		payload(info, kind, sub)
	end
end

register_postdissector(gikev2)

local udp = DissectorTable.get("udp.port")
local isakmp = Dissector.get("isakmp")

if udp and isakmp then
	udp:add(848, isakmp)
end
