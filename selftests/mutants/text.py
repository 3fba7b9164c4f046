# SPDX-License-Identifier: Apache-2.0
"""Mutants of a function in C, made from its text.

A mutant has one small fault: a condition negated, "<" that became "<=", "&&"
that became "||", "+" that became "-", a call or an assignment left out, a
constant returned, two arguments swapped. What a mutant is called says what was
changed in which function, not where, so that it keeps its name while the code
around it changes.

The text is read as the kernel's style lays it out: a definition begins in the
first column, and so does the brace that ends it.
"""

import re

TOKEN = re.compile(r"""
	(?P<space>\s+|\\\n)
	|(?P<comment>/\*.*?\*/|//[^\n]*)
	|(?P<directive>^\#(?:[^\n\\]|\\.|\\\n)*)
	|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
	|(?P<word>[A-Za-z_]\w*)
	|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
	|(?P<mark><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||
		[-+*/%&|^]=|.)
	""", re.VERBOSE | re.DOTALL | re.MULTILINE)

OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = set(OPENING.values())
ASSIGNING = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
# Operators that end the part of an expression that names a mutant
ENDING = ASSIGNING | {"&&", "||", ",", ";", "?", ":"}
TYPES = set("""auto bool char const double enum extern float int long register
	short signed size_t ssize_t static struct time_t typeof u16 u32 u64 u8
	uint16_t uint32_t uint64_t uint8_t int64_t int32_t union unsigned void
	volatile socklen_t ktime_t __be16 __be32 __be64 mode_t pid_t
	""".split())
FLOW = {"if", "for", "while", "switch", "do", "else", "return", "goto", "break",
	"continue", "case", "default"}

# Left in: what only words a message, and what only gives back memory, references
# and locks. Sanitizers, kmemleak and lockdep look for these elsewhere.
DULL = re.compile(r"""(
	log_\w+|(sa|group)_(debug|info|warn|err)|pr_\w+|warn\w*|trace_\w+|diag|fprintf|printf|err_set
	|NL_SET_\w+|GENL_SET_\w+|WARN\w*|BUG\w*|BUILD_BUG\w*|static_assert
	|snprintf|strerror|lockdep_\w+|might_\w+|\w*_?free\w*|consume_skb|\w+_put|dev_put
	|fclose|close
	|\w*_?(un)?lock(_\w+)?|local_bh_\w+|rcu_\w+|synchronize_\w+|smp_\w+
	|ERR_clear_error|X509_STORE_CTX_free|assert|cond_resched|va_\w+
	)$""", re.VERBOSE)
# Arguments that may be swapped
SYMMETRIC = re.compile(r"""(\w*mem_?cmp|str\w*cmp|\w+_equal|swap|min|max
	|min_t|max_t|\w+_eq|same_\w+|prefetch|container_of|offsetof|sizeof
	|if|while|for|switch|return|\w+_SET_\w+|\w*printf)$""", re.VERBOSE)


class Token:
	__slots__ = ("kind", "text", "at", "end")

	def __init__(self, kind, text, at):
		self.kind, self.text = kind, text
		self.at, self.end = at, at + len(text)


class Mutant:
	"""One change of @path: the octets [at, end) become @new."""

	def __init__(self, path, function, what, at, end, new):
		self.path, self.function, self.what = path, function, what
		self.at, self.end, self.new = at, end, new
		self.via = ""	# files that include it, where it is a header

	@property
	def name(self):
		return f"{self.path}:{self.function}: {self.what}"

	def of(self, text):
		return text[:self.at] + self.new + text[self.end:]


def tokens_of(text):
	out = []
	for m in TOKEN.finditer(text):
		if m.lastgroup not in ("space", "comment", "directive"):
			out.append(Token(m.lastgroup, m.group(), m.start()))
	return out


def plain(tokens):
	"""The text of tokens as it would stand on one line."""
	out = ""
	for i, t in enumerate(tokens):
		before = tokens[i - 1] if i else None
		if before and before.end < t.at and \
		   not (before.text in "([" or t.text in ")]"):
			out += " "
		out += t.text
	return out


class Function:
	"""The definition of @name in @text."""

	def __init__(self, path, text, name):
		self.path, self.name = path, name
		start = self.find(text, name)
		if start is None:
			raise LookupError(f"{path}: no function {name}")
		head, body = start
		end = text.index("\n}", body) + 2
		self.tok = tokens_of(text[:end])
		self.tok = [t for t in self.tok if t.at >= body]
		self.kind = self.returns(text[head:body], name)
		self.verdict = any(t.text.startswith("NF_") for t in self.tok) \
			and self.kind == "int"
		self.pair = self.pairs()
		self.found = []

	@staticmethod
	def find(text, name):
		for m in re.finditer(rf"\b{name}\(", text):
			head = text.rfind("\n\n", 0, m.start()) + 2
			line = text.rfind("\n", 0, m.start()) + 1
			if text[line] in " \t#/*":
				continue
			depth, i = 0, m.end() - 1
			while True:
				depth += {"(": 1, ")": -1}.get(text[i], 0)
				i += 1
				if not depth:
					break
			rest = re.match(r"\s*(__\w+\s*)*\{", text[i:])
			if rest:
				# a comment above on lines of its own
				above = text[head:line].rsplit("*/", 1)[-1]
				return line - len(above), i + rest.end() - 1
		return None

	@staticmethod
	def returns(head, name):
		head = head[:head.index(name + "(")]
		words = re.findall(r"\w+|\*", head)
		if "*" in words:
			return "pointer"
		if "bool" in words:
			return "bool"
		return "void" if "void" in words else "int"

	def pairs(self):
		stack, pair = [], {}
		for i, t in enumerate(self.tok):
			if t.kind != "mark":
				continue
			if t.text in OPENING:
				stack.append(i)
			elif t.text in CLOSING:
				pair[stack[-1]] = i
				pair[i] = stack.pop()
		return pair

	# ---- statements

	def mutants(self):
		self.statement(0)
		seen, out = {}, []
		for m in self.found:
			n = seen[m.what] = seen.get(m.what, 0) + 1
			if n > 1:
				m.what += f" ({n})"
			out.append(m)
		return out

	def add(self, what, first, last, new):
		"""Tokens first to last become the text new."""
		self.found.append(Mutant(self.path, self.name, what,
					 self.tok[first].at, self.tok[last].end,
					 new))

	def semicolon(self, i):
		while self.tok[i].text != ";":
			i = self.pair.get(i, i) + 1
		return i

	def statement(self, i):
		"""Mutants of the statement that begins at token i; where it ends."""
		word = self.tok[i].text
		if word == "{":
			end = self.pair[i]
			i += 1
			while i < end:
				i = self.statement(i)
			return end + 1
		if word in ("if", "while", "switch", "for"):
			return self.controlled(i)
		if word == "do":
			i = self.statement(i + 1)
			self.condition(i + 1)
			return self.semicolon(i) + 1
		if word == "else":
			return self.statement(i + 1)
		if word in ("case", "default"):
			while self.tok[i].text != ":":
				i += 1
			return i + 1
		if word == "return":
			return self.returned(i)
		if self.tok[i].kind == "word" and self.tok[i + 1].text == ":":
			return i + 2
		if word in ("goto", "break", "continue", ";"):
			return self.semicolon(i) + 1
		if self.tok[i].kind == "word" and self.tok[i + 1].text == "(":
			close = self.pair[i + 1]
			if self.tok[close + 1].kind == "word" or \
			   self.tok[close + 1].text == "{":
				# TAILQ_FOREACH() and its like
				self.expression(i, close)
				return self.statement(close + 1)
		return self.simple(i)

	def controlled(self, i):
		word, end = self.tok[i].text, self.pair[i + 1]
		if word in ("if", "while"):
			self.condition(i + 1)
		self.expression(i + 2, end - 1)
		i = self.statement(end + 1)
		if word == "if" and i < len(self.tok) and \
		   self.tok[i].text == "else":
			i = self.statement(i)
		return i

	def condition(self, paren):
		first, last = paren + 1, self.pair[paren] - 1
		text = plain(self.tok[first:last + 1])
		if text in ("0", "1", "true"):
			return
		new = text[1:] if re.fullmatch(r"!\w+", text) else f"!({text})"
		self.add(f"if ({text}) => if ({new})", first, last, new)

	def is_declaration(self, i, end):
		words = self.tok[i:end]
		if words[0].text in TYPES:
			return True
		if words[0].kind != "word" or len(words) < 2:
			return False
		if words[0].text.isupper() and words[1].text == "(":
			return words[0].text.startswith(("DECLARE_", "DEFINE_",
							 "BUILD_"))
		after = [t.text for t in words[3:4]]
		return words[1].kind == "word" or \
			(words[1].text == "*" and words[2].kind == "word" and
			 after in ([], ["="], [","], ["["]))

	def simple(self, i):
		end = self.semicolon(i)
		if not self.is_declaration(i, end):
			text = plain(self.tok[i:end])
			call = re.match(r"(?:\(void\)\s*)?(\w+)\(", text)
			words = re.fullmatch(r"[\w*>.-]+ = (\".*\"|-ENOMEM)",
					     text)
			if text.startswith("(void)") or words or \
			   (call and DULL.match(call.group(1))):
				pass
			else:
				self.add(f"- {text};", i, end, ";")
		else:
			# Only the initialiser of a declaration
			at = i
			while at < end and self.tok[at].text != "=":
				at = self.pair.get(at, at) + 1
			if at == end or self.tok[at + 1].text == "{":
				return end + 1
			i = at + 1
		self.expression(i, end - 1)
		return end + 1

	def returned(self, i):
		end = self.semicolon(i)
		if end == i + 1:
			return end + 1
		text = plain(self.tok[i + 1:end])
		for new in self.instead(text):
			self.add(f"return {text} => {new}", i + 1, end - 1, new)
		self.expression(i + 1, end - 1)
		return end + 1

	def instead(self, text):
		# Memory that runs out is a matter of kmod/49-nth and 50-memory.
		if text == "-ENOMEM":
			return []
		if self.verdict:
			return ["NF_DROP" if text == "NF_ACCEPT" else
				"NF_ACCEPT"]
		if self.kind == "bool":
			return ["false" if text == "true" else "true"]
		if self.kind == "pointer":
			return [] if text == "NULL" else ["NULL"]
		return [] if text == "0" else ["0"]

	# ---- expressions

	def part(self, i, lo, hi):
		"""Tokens around i, up to what ends the part that it stands in."""
		a = b = i
		while a > lo:
			t = self.tok[a - 1].text
			if t in ENDING or t in OPENING:
				break
			a = self.pair[a - 1] if t in CLOSING else a - 1
		while b < hi:
			t = self.tok[b + 1].text
			if t in ENDING or t in CLOSING:
				break
			b = self.pair[b + 1] if t in OPENING else b + 1
		return a, b

	def swap_mark(self, i, new, lo, hi):
		a, b = self.part(i, lo, hi)
		old = plain(self.tok[a:b + 1])
		changed = plain(self.tok[a:i]) + f" {new} " + \
			plain(self.tok[i + 1:b + 1])
		self.add(f"{old} => {changed.strip()}", i, i, new)

	def is_binary(self, i, lo):
		if i == lo:
			return False
		t = self.tok[i - 1]
		return t.kind in ("number", "string") or t.text in (")", "]") or \
			(t.kind == "word" and t.text not in FLOW and
			 t.text != "sizeof")

	def expression(self, lo, hi):
		other = {"<": "<=", "<=": "<", ">": ">=", ">=": ">",
			 "&&": "||", "||": "&&"}
		for i in range(lo, hi + 1):
			t = self.tok[i]
			if t.kind == "mark" and t.text in other:
				self.swap_mark(i, other[t.text], lo, hi)
			elif t.text in ("+", "-") and self.is_binary(i, lo):
				self.swap_mark(i, "-" if t.text == "+" else "+",
					       lo, hi)
			elif t.text in ("==", "!=") and \
			     not self.whole_condition(i):
				self.swap_mark(i, "!=" if t.text == "==" else "==",
					       lo, hi)
			elif t.text == "(" and i > lo and \
			     self.tok[i - 1].kind == "word":
				self.arguments(i)

	def whole_condition(self, i):
		"""Whether negating the condition is the same."""
		a, b = self.part(i, 0, len(self.tok) - 1)
		while a > 1 and self.tok[a - 1].text == "(" and \
		      self.tok[b + 1].text == ")":
			if self.tok[a - 2].text in ("if", "while"):
				return True
			if self.tok[a - 2].text not in ("likely", "unlikely"):
				return False
			a, b = a - 2, b + 1
		return False

	def arguments(self, paren):
		name = self.tok[paren - 1].text
		if SYMMETRIC.match(name) or DULL.match(name):
			return
		args, first, i = [], paren + 1, paren + 1
		while i <= self.pair[paren]:
			if i == self.pair[paren] or self.tok[i].text == ",":
				args.append((first, i - 1))
				first = i + 1
				i += 1
			else:
				i = self.pair.get(i, i) + 1
		for (a, b), (c, d) in zip(args, args[1:]):
			one = plain(self.tok[a:b + 1])
			two = plain(self.tok[c:d + 1])
			simple = re.compile(r"[&*]?[a-z_]\w*((->|\.)\w+|\[\w+\])*$")
			if one == two or not simple.match(one) or \
			   not simple.match(two) or "NULL" in (one, two) or \
			   "len" in (one + two):
				continue
			# two arguments of one type, as far as a reader can tell
			if not name.startswith(("mem", "str")) and \
			   one.rpartition(">")[0] != two.rpartition(">")[0] or \
			   (">" not in one and not name.startswith("mem")):
				continue
			self.add(f"{name}({one}, {two}) => {name}({two}, {one})",
				 a, d, f"{two}, {one}")
			return


def table_mutants(path, text, name):
	"""A table of netlink operations, each of which loses its flags"""
	m = re.search(rf"\b{name}\[\w*\] = \{{.*?\n\}};", text, re.DOTALL)
	if not m:
		raise LookupError(f"{path}: no table {name}")
	out = []
	for row in re.finditer(r"\.cmd\s*= (\w+).*?\.flags\s*= ([\w |]+)",
			       m.group(), re.DOTALL):
		out.append(Mutant(path, name,
				  f"{row.group(1)} without {row.group(2)}",
				  m.start() + row.start(2),
				  m.start() + row.end(2), "0"))
	return out


def mutants(path, text, functions):
	"""@functions: names of functions, and with [] behind them of tables"""
	out = []
	for name in functions:
		if name.endswith("[]"):
			out += table_mutants(path, text, name[:-2])
		else:
			out += Function(path, text, name).mutants()
	return out


def functions_in(text):
	"""Names of what is defined in @text, in order."""
	out = []
	for m in re.finditer(r"^(?![\s#/}*]).*?\b(\w+)\(", text, re.MULTILINE):
		if m.group(1) not in out and Function.find(text, m.group(1)):
			out.append(m.group(1))
	return out
