# SPDX-License-Identifier: Apache-2.0
"""Trials: a mutant is compiled, linked into test programs or into the module,
and those run until the first check that fails.

Each worker has a folder of its own in build/mutate, or in what MCSEC_MUTATE names
instead; the tree is not touched.
"""

import ctypes
import fcntl
import os
import pathlib
import resource
import select
import shlex
import shutil
import signal
import subprocess
import threading
import time

BUILD = pathlib.Path(os.environ.get("MCSEC_MUTATE", "build/mutate"))
CACHE = os.environ.get("MCSEC_CACHE", "/var/cache/mcsec")
# A fault that the compiler would have to guess at is no mutant, and a variable that
# is no longer set holds no zeros by luck.
STRICT = """-ftrivial-auto-var-init=pattern -g0 -O1 -Wno-error -fmax-errors=1 -Werror=incompatible-pointer-types
	-Werror=int-conversion -Werror=implicit-function-declaration
	-Werror=return-type""".split()
# Octets that a program gone mad may write to one file; a guest has its memory in
# one.
FILE_MAX = 4 << 30
# Seconds for children to end by themselves before they are killed
GRACE = 5
PR_SET_PDEATHSIG = 1


class Broken(Exception):
	"""Something that is no mutant does not work."""


def alone():
	"""The folder for this run only; the lock ends with the process."""
	BUILD.mkdir(parents=True, exist_ok=True)
	lock = open(BUILD / "lock", "w", encoding="ascii")
	try:
		fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
	except BlockingIOError:
		raise Broken(f"another run is at {BUILD}") from None
	return lock


def limits():
	resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MAX, FILE_MAX))
	resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
	# Even if this process is killed none of its children goes on.
	ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Children:
	"""Programs that run, each in a process group of its own, so that all of them
	can be ended. None begins after that.
	"""

	def __init__(self):
		self.lock = threading.Lock()
		self.running = set()
		self.over = False

	def start(self, command, **more):
		with self.lock:
			self.check()
			child = subprocess.Popen(
				command, stdin=subprocess.DEVNULL,
				stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT,
				start_new_session=True, preexec_fn=limits,
				**more)
			self.running.add(child)
		return child

	def forget(self, child):
		with self.lock:
			self.running.discard(child)

	def check(self):
		if self.over:
			raise Broken("ended by a signal")

	def end(self):
		with self.lock:
			self.over = True
			running = list(self.running)
		for child in running:
			signal_group(child, signal.SIGTERM)
		end = time.monotonic() + GRACE
		for child in running:
			try:
				child.wait(max(0, end - time.monotonic()))
			except subprocess.TimeoutExpired:
				pass
			signal_group(child, signal.SIGKILL)


def signal_group(child, number):
	try:
		os.killpg(child.pid, number)
	except ProcessLookupError:
		pass


CHILDREN = Children()


def finished(command, **more):
	"""Runs a program to its end. Returns its exit code and what it said."""
	child = CHILDREN.start(command, text=True, **more)
	try:
		out, _ = child.communicate()
	finally:
		CHILDREN.forget(child)
	CHILDREN.check()
	return child.returncode, out


def said(command, **more):
	"""The output of a command, which must not fail."""
	code, out = finished(command, **more)
	if code:
		raise Broken(f"{' '.join(map(str, command))}: exit code "
			     f"{code}\n{out}")
	return out


def ccache():
	env = dict(os.environ)
	if os.path.isdir("/usr/lib/ccache"):
		env["PATH"] = "/usr/lib/ccache:" + env["PATH"]
		env["CCACHE_DIR"] = CACHE + "/ccache"
		env["CCACHE_MAXSIZE"] = "2G"
		env["CCACHE_NOHASHDIR"] = "1"
	return env


def stop(child, gently):
	try:
		if gently:
			child.send_signal(signal.SIGTERM)
			child.wait(10)
	except subprocess.TimeoutExpired:
		pass
	signal_group(child, signal.SIGKILL)
	child.wait()


def run(command, limit, env=None, gently=False):
	"""Runs a program that writes TAP, up to the first check that fails, or
	until @limit seconds are over, which is a failure. Returns why it failed,
	None if it did not, and what it said.
	"""
	child = CHILDREN.start(command, env=env)
	try:
		why, out = judged(child, limit, gently)
	finally:
		CHILDREN.forget(child)
		child.stdout.close()
	# A program that ended by a signal to this run gives no verdict.
	CHILDREN.check()
	return why, out


def judged(child, limit, gently):
	"""Reads what a program says, and ends it as run() has to."""
	end = time.monotonic() + limit
	late = f"no end within {limit:.0f} s"
	out, rest, why = b"", b"", None
	fd = child.stdout.fileno()
	while not why:
		left = end - time.monotonic()
		if left <= 0 or not select.select([fd], [], [], left)[0]:
			why = late
			break
		more = os.read(fd, 65536)
		if not more:
			break
		out = (out + more)[-200000:]
		lines = (rest + more).split(b"\n")
		rest = lines.pop()
		for line in lines:
			if line.startswith((b"not ok", b"Bail out")):
				why = line.decode(errors="replace")
				break
	if not why:
		# A program that has closed its output may go on without an end.
		try:
			child.wait(max(0, end - time.monotonic()))
		except subprocess.TimeoutExpired:
			why = late
	if why:
		stop(child, gently)
	else:
		if child.returncode:
			why = f"exit code {child.returncode}"
		elif b"\n1.." not in b"\n" + out:
			why = "no plan"
	return why, out.decode(errors="replace")


# ---- the daemon

class Daemon:
	"""Unit tests, with sanitizers or without: the mutated object is linked in
	front of the library.
	"""

	def __init__(self, tests, san):
		self.san = ["SAN=1"] if san else []
		self.build = "build/san" if san else "build"
		self.folder = "unit" if san else "plain"
		said(["make", "-s", f"-j{os.cpu_count()}", *self.san] +
		     [self.program(t) for t in tests])
		self.current, self.originals = {}, {}
		self.flags = self.value("MC_CFLAGS")
		self.link = self.value("MC_LDFLAGS") + self.linker()
		self.libs = self.value("MC_LIBS")
		self.help = [f"{self.build}/obj/{f[:-1]}o"
			     for f in self.value("UNIT_HELP")]

	def program(self, test):
		return f"{self.build}/unit/{test.split('/')[-1]}"

	@staticmethod
	def linker():
		"""The fastest one: a program is linked for each trial."""
		for name in ("lld", "gold"):
			if shutil.which("ld." + name):
				return [f"-fuse-ld={name}", "-Wl,-S"]
		return []

	def value(self, name):
		out = said(["make", "-s", *self.san, f"print-{name}"])
		return shlex.split(out)

	def baseline(self, _, test, limit):
		return run([self.program(test)], limit)

	def compile(self, worker, mutant, text, _):
		"""The reason why the mutant does not compile, or None"""
		here = BUILD / f"{self.folder}{worker}"
		here.mkdir(parents=True, exist_ok=True)
		if self.current.get(worker) == mutant:
			return None
		source = here / pathlib.Path(mutant.path).name
		source.write_text(text)
		code, out = finished(
			["gcc"] + self.flags + STRICT +
			["-iquote", os.path.dirname(mutant.path), "-c", "-o",
			 here / "mutant.o", source])
		source.unlink()
		if code:
			return out
		self.current[worker] = mutant
		return None

	def object_of(self, here, path, text):
		"""What the compiler makes of a text, without lines and sanitizers"""
		source, made = here / pathlib.Path(path).name, here / "same.o"
		source.write_text(text)
		flags = [f for f in self.flags if "-fsanitize" not in f]
		said(["gcc"] + flags + STRICT +
		     ["-O2", "-w", "-iquote", os.path.dirname(path), "-c", "-o",
		      made, source])
		source.unlink()
		return made.read_bytes()

	def is_same(self, worker, mutant, text):
		"""Whether the mutant is the original in other words"""
		here = BUILD / f"{self.folder}{worker}"
		path = mutant.path
		if path not in self.originals:
			self.originals[path] = self.object_of(
				here, path, pathlib.Path(path).read_text())
		return self.originals[path] == self.object_of(here, path, text)

	def trial(self, worker, test, limit):
		here = BUILD / f"{self.folder}{worker}"
		name = test.split("/")[-1]
		program = here / name
		said(["gcc"] + self.link + ["-o", program,
		     f"{self.build}/obj/selftests/unit/test_{name}.o"] +
		     self.help + [here / "mutant.o",
				  f"{self.build}/libmcsecd.a"] +
		     self.libs)
		why, _ = run([program], limit)
		program.unlink()
		return why

	def restore(self, worker, mutant):
		self.current.pop(worker, None)


# ---- the module

class Module:
	"""Tests in User Mode Linux with a module of the worker's own, or with two,
	where one is for the tests inside of the module.
	"""

	def __init__(self, tests):
		self.kernel = said(["selftests/guest/kernel", "uml"]).split()[-1]
		said(["make", "-s", f"-j{os.cpu_count()}", "userspace"])
		self.words = shlex.split(pathlib.Path(self.kernel,
						      "make").read_text())
		self.env = ccache()
		self.fresh, self.current = set(), {}
		self.heads = {t: self.head(t) for t in tests}

	@staticmethod
	def head(test):
		path = pathlib.Path(f"selftests/{test}.sh")
		lines = path.read_text().split("\n")[1:25]
		return lines

	def inside(self, test):
		return "# debug only" in self.heads[test]

	def folder(self, worker, inside):
		return BUILD / f"kmod{worker}{'-inside' if inside else ''}"

	def make(self, here, inside):
		words = ["MCSEC_DEBUG=1"] if inside else []
		return finished(
			["make", "-s", "-C", f"{self.kernel}/build",
			 f"M={here.resolve()}", *self.words, *words, "modules"],
			env=self.env)

	def as_it_is(self, here, inside):
		"""The tree's module, in a folder of the worker's"""
		if here in self.fresh:
			return
		here.mkdir(parents=True, exist_ok=True)
		shutil.copy("Kbuild", here)
		for name in ("uapi", "kmod"):
			for path in pathlib.Path(name).rglob("*"):
				to = here / path
				if path.is_dir() or to.exists() and \
				   to.read_bytes() == path.read_bytes():
					continue
				to.parent.mkdir(parents=True, exist_ok=True)
				shutil.copyfile(path, to)
		code, out = self.make(here, inside)
		if code:
			raise Broken(f"the module does not compile:\n{out}")
		self.fresh.add(here)

	def boot(self, worker, test, limit):
		env = dict(os.environ)
		here = self.folder(worker, self.inside(test))
		env["MCSEC_KO"] = str((here / "kmod/mcsec.ko").resolve())
		clock = [line[9:] for line in self.heads[test]
			 if line.startswith("# clock: ")] or ["idle"]
		return run(["selftests/guest/boot", "--clock", clock[0],
			    "--timeout", str(int(limit) + 10), "--",
			    f"selftests/{test}.sh"], limit, env, gently=True)

	def baseline(self, worker, test, limit):
		inside = self.inside(test)
		self.as_it_is(self.folder(worker, inside), inside)
		return self.boot(worker, test, limit)

	def compile(self, worker, mutant, text, test):
		inside = self.inside(test)
		here = self.folder(worker, inside)
		self.as_it_is(here, inside)
		if self.current.get(here) == mutant:
			return None
		if not mutant.via:
			(here / mutant.path).write_text(text)
		else:
			(here / "kmod/mutant.h").write_text(text)
		for path in mutant.via.split():
			# before any other header includes it as it is
			(here / path).write_text('#include "mutant.h"\n' +
						 pathlib.Path(path).read_text())
		code, out = self.make(here, inside)
		self.current[here] = mutant
		return out if code else None

	@staticmethod
	def is_same(_worker, _mutant, _text):
		"""Modules are not compared: they are made with their lines."""
		return False

	def trial(self, worker, test, limit):
		return self.boot(worker, test, limit)[0]

	def restore(self, worker, mutant):
		for inside in (False, True):
			here = self.folder(worker, inside)
			if self.current.pop(here, None):
				for path in (mutant.via or mutant.path).split():
					shutil.copyfile(path, here / path)
