# SPDX-License-Identifier: Apache-2.0
#
# mcsec: kernel module, daemon and tools. README says what to run first.
#
#   make                 module, daemon and tools
#   make userspace       daemon and tools only (SAN=1: with ASan and UBSan)
#   make module          the module (KDIR=headers, MO=output folder, W=1)
#   make unit fuzz e2e   test programs, see Documentation/testing.rst
#   make check demo      selftests/run and tools/demo
#   make bench           instructions per packet, beside xfrm; costs of a key server
#   make install         what was built, below DESTDIR and PREFIX; no debugging
#                        information (STRIP=: with it)
#   make uninstall       removes what "make install" with the same words puts there
#   make dist            sources, RPM spec and PKGBUILD in build/dist
#   make style           everything that a reviewer should not have to say
#
# Sources are found by wildcard: a new file in a folder below needs no edit.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/mcsec
INCLUDEDIR ?= $(PREFIX)/include
UNITDIR ?= $(PREFIX)/lib/systemd/system
# Read by systemd below /usr and /usr/local alike
LIBDIR_SYSTEMD ?= $(PREFIX)/lib
ZSHDIR ?= $(DATADIR)/zsh/site-functions
MODDIR ?= /lib/modules
VERSION := $(file <VERSION)
MCSEC_CACHE ?= /var/cache/mcsec

B := build
O := $(B)$(if $(SAN),/san)

ifneq ($(V),1)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)'
else
say = @:
endif

# ---- userspace -------------------------------------------------------------

PKGS := libcrypto libmnl libnl-route-3.0 sqlite3 libconfig jansson smartcols
PKGS_TOO := xtables
PKGS_MAYBE := libsystemd libseccomp
PKGS_TOOLS_MAYBE := libmicrohttpd
PKG_CONFIG ?= pkg-config
PKGS_HERE := $(foreach p,$(PKGS_MAYBE),$(shell $(PKG_CONFIG) --exists $p \
	2>/dev/null && echo $p))
PKGS_TOOLS := $(foreach p,$(PKGS_TOOLS_MAYBE),$(shell $(PKG_CONFIG) --exists $p \
	2>/dev/null && echo $p))
have = -DHAVE_$(shell echo $(1) | tr a-z- A-Z_)

# Packages set it to nothing: their compiler may be newer than this source.
WERROR ?= -Werror
WARN := -Wall -Wextra $(WERROR)
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDHARDEN := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
OPT := -O2 -g
ifneq ($(SAN),)
# _FORTIFY_SOURCE hides calls from the sanitizer's interceptors
HARDEN := -fPIE -fno-omit-frame-pointer
OPT := -O1 -g
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
endif

CFLAGS ?=
MC_CFLAGS := -std=gnu11 $(OPT) $(WARN) -D_GNU_SOURCE -Iuapi -Idaemon \
	$(HARDEN) $(SANFLAGS) $(foreach p,$(PKGS_HERE),$(call have,$p)) \
	$(shell $(PKG_CONFIG) --cflags $(PKGS) $(PKGS_HERE) 2>/dev/null) \
	$(CPPFLAGS) $(CFLAGS)
MC_LDFLAGS := $(LDHARDEN) $(SANFLAGS) $(LDFLAGS)
MC_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) $(PKGS_HERE) 2>/dev/null) \
	-lpthread

LIB_SRC := $(sort $(wildcard daemon/*/*.c))
MAIN_SRC := $(wildcard daemon/main.c)
CTL_SRC := $(sort $(wildcard tools/mcsecctl/*.c))
UNIT_SRC := $(sort $(wildcard selftests/unit/test_*.c))
UNIT_HELP := $(filter-out $(UNIT_SRC),$(sort $(wildcard selftests/unit/*.c)))
PKT_LIB_SRC := selftests/pkt/invrf.c
PKT_SRC := $(filter-out $(PKT_LIB_SRC),$(sort $(wildcard selftests/pkt/*.c)))
FUZZ_SRC := $(sort $(wildcard selftests/fuzz/fuzz_*.c))

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
LIB := $(O)/libmcsecd.a
BINS := $(if $(MAIN_SRC),$(O)/mcsecd) $(if $(CTL_SRC),$(O)/mcsecctl)
UNITS := $(patsubst selftests/unit/test_%.c,$(O)/unit/%,$(UNIT_SRC))
FUZZERS := $(patsubst selftests/fuzz/fuzz_%.c,$(O)/fuzz/%,$(FUZZ_SRC))
PKT := $(patsubst selftests/%.c,$(B)/%,$(PKT_SRC))
PKT_LIB := $(patsubst selftests/%.c,$(B)/%.so,$(PKT_LIB_SRC))
LIBFUZZERS := $(patsubst selftests/fuzz/fuzz_%.c,$(B)/libfuzzer/%,$(FUZZ_SRC))

.PHONY: all userspace unit fuzz e2e libfuzzer
all: module userspace
userspace: $(LIB) $(BINS) $(if $(SAN),,$(B)/libxt_mcsec.so)
unit: $(UNITS) $(O)/bench/delivery $(O)/bench/cost $(O)/bench/keyserver
fuzz: $(FUZZERS)
e2e: $(PKT) $(PKT_LIB)

# A change of flags rebuilds what was built with others.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@$(PKG_CONFIG) --exists --print-errors $(PKGS) $(PKGS_TOO) || { \
	  echo 'libraries are missing: run tools/deps build' >&2; exit 1; }
	@echo '$(CC) $(MC_CFLAGS) $(MC_LDFLAGS)' | cmp -s - $@ || \
	  echo '$(CC) $(MC_CFLAGS) $(MC_LDFLAGS)' > $@

$(O)/obj/%.o: %.c $(O)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(MC_CFLAGS) $(CPP_$(firstword $(subst /, ,$*))) -MMD -MP \
		-c -o $@ $<

CPP_daemon := -DMCSEC_VERSION='"$(VERSION)"'
CPP_tools := $(CPP_daemon) $(foreach p,$(PKGS_TOOLS),$(call have,$p)) \
	$(shell $(PKG_CONFIG) --cflags $(PKGS_TOOLS) 2>/dev/null)
$(call obj,$(MAIN_SRC) tools/mcsecctl/mcsecctl.c): VERSION
CPP_selftests := -Iselftests/unit -Iselftests/fuzz \
	-DSRCDIR='"$(CURDIR)"'

# Rebuilt as a whole: an object whose source was removed must not stay in it.
$(LIB): $(call obj,$(LIB_SRC)) $(O)/flags
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

define link
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(MC_LDFLAGS) $(FAST_LD) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(MC_LIBS)
endef

$(O)/mcsecd: $(call obj,$(MAIN_SRC)) $(LIB)
	$(link)

$(O)/mcsecctl: $(call obj,$(CTL_SRC)) $(LIB)
	$(link)

# What iptables loads for "-m mcsec"
XT_CFLAGS = $(shell $(PKG_CONFIG) --cflags xtables 2>/dev/null)
XTLIBDIR ?= $(shell $(PKG_CONFIG) --variable=xtlibdir xtables 2>/dev/null)
$(B)/libxt_mcsec.so: tools/iptables/libxt_mcsec.c \
		uapi/linux/netfilter/xt_mcsec.h $(O)/flags
	$(call say,LD,$@)
	$(Q)$(CC) -std=gnu11 -O2 -g $(WARN) -fPIC -fstack-protector-strong \
		-D_FORTIFY_SOURCE=2 -shared -Wl,-z,relro -Wl,-z,now -Iuapi \
		$(XT_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

# ---- test programs ---------------------------------------------------------

# Hundreds of programs are linked, each in half the time by lld.
LLD := $(if $(shell command -v ld.lld),-fuse-ld=lld)
$(UNITS) $(FUZZERS) $(LIBFUZZERS): FAST_LD = $(LLD)

$(UNITS): $(O)/unit/%: $(O)/obj/selftests/unit/test_%.o \
		$(call obj,$(UNIT_HELP)) $(LIB)
	$(link)

# Lets a parameter of a statement fail.
$(O)/unit/store: MC_LDFLAGS += -Wl,--wrap=sqlite3_bind_blob64

# Lets calls of calloc() fail.
$(O)/unit/ike_memory: MC_LDFLAGS += -Wl,--wrap=calloc,--wrap=free

# A table of its own; selftests/bench/run runs it
$(O)/bench/delivery: $(O)/obj/selftests/bench/delivery.o \
		$(call obj,$(UNIT_HELP)) $(LIB)
	$(link)

# The program build/bench/cost measures what peers can cost mcsecd on loopback
$(O)/bench/cost: $(patsubst %,$(O)/obj/selftests/bench/%.o,cost loopback) $(LIB)
	$(link)

# The program build/bench/keyserver measures what a large group costs its key server.
$(O)/bench/keyserver: $(patsubst %,$(O)/obj/selftests/bench/%.o,keyserver \
		large_group loopback registrations) $(LIB)
	$(link)

$(FUZZERS): $(O)/fuzz/%: $(O)/obj/selftests/fuzz/fuzz_%.o \
		$(O)/obj/selftests/fuzz/mutate.o $(LIB)
	$(link)

# The hosts, eavesdroppers and attackers of the end-to-end tests: one file and
# one program each, and nothing of ours in them.
$(PKT): $(B)/pkt/%: selftests/pkt/%.c $(wildcard selftests/pkt/*.h) \
		daemon/lib/clock.h daemon/lib/util.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -Idaemon -o $@ $<

# Preloaded by the programs under test
$(PKT_LIB): $(B)/pkt/%.so: selftests/pkt/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -D_GNU_SOURCE -shared -fPIC -o $@ $<

# libFuzzer wants everything compiled by clang with coverage counters
LF := $(B)/libfuzzer
LF_CFLAGS = $(filter-out -Werror,$(MC_CFLAGS)) $(CPP_selftests) \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
libfuzzer: $(LIBFUZZERS)
$(LF)/obj/%.o: %.c $(O)/flags
	$(call say,CLANG,$@)
	@mkdir -p $(@D)
	$(Q)clang $(LF_CFLAGS) -MMD -MP -c -o $@ $<

$(LF)/libmcsecd.a: $(LIB_SRC:%.c=$(LF)/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(LIBFUZZERS): $(LF)/%: $(LF)/obj/selftests/fuzz/fuzz_%.o $(LF)/libmcsecd.a
	$(call say,LD,$@)
	$(Q)clang $(LDHARDEN) $(FAST_LD) -fsanitize=fuzzer,address,undefined -o $@ $^ \
		$(MC_LIBS)

# selftests/mutate asks for variables (print-MC_CFLAGS), to compile as this does
print-%:
	@echo '$($*)'

# ---- kernel module ---------------------------------------------------------

include selftests/guest/kdir.mk

KREL = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	'$(KDIR)/include/generated/utsrelease.h' 2>/dev/null)
MO ?= $(B)/kmod-$(KREL)
KMOD_SRC := $(wildcard kmod/*.[ch] kmod/*/*.[ch] kmod/Kbuild kmod/*/Kbuild)

# Kbuild before 6.13 writes next to the sources, so it is given a folder of
# links: several kernels side by side, and nothing of theirs in the tree.
.PHONY: module
module:
	$(if $(KDIR_NOTE),@echo '$(KDIR_NOTE)')
	@test -n '$(KDIR)' && test -e '$(KDIR)/Makefile' || { \
	  echo 'no kernel headers in "$(KDIR)": give KDIR= or' \
	    'run tools/deps build' >&2; exit 1; }
	@mkdir -p $(addprefix $(MO)/,$(sort $(dir $(KMOD_SRC))))
	@for f in Kbuild VERSION uapi $(KMOD_SRC); do \
	  ln -sfn "$(CURDIR)/$$f" "$(MO)/$$f"; done
	@find '$(MO)' -xtype l -delete
	$(Q)$(MAKE) --no-print-directory -C '$(KDIR)' M='$(abspath $(MO))' $(if $(W),W=$(W)) \
		$(KFLAGS) modules
	@if test -e '$(MO)/kmod/mcsec.ko'; then \
	  ln -sfn kmod/mcsec.ko '$(MO)/mcsec.ko'; fi

# ---- the rest --------------------------------------------------------------

.PHONY: check demo bench style kernels clean FORCE
check:
	selftests/run

demo:
	tools/demo

bench:
	selftests/bench/run

style:
	tools/style/run

# User Mode Linux for the tests, which otherwise build it when they need it
kernels:
	for k in uml uml-debug uml-smp; do \
	  selftests/guest/kernel $$k || exit 1; done

MAN := $(sort $(wildcard Documentation/man/*.[1-8]))
# Programs are installed without symbols for debuggers.
STRIP ?= strip
# mode, folder, file [, name there]
put = @install -D -m $(1) $(3) '$(DESTDIR)$(2)/$(or $(4),$(notdir $(3)))' && \
	printf '  %-7s %s\n' INSTALL '$(DESTDIR)$(2)/$(or $(4),$(notdir $(3)))'
each = $(foreach f,$(3),$(call put,$(1),$(2),$f)$(newline))
define newline


endef
# kind, folder, file: stripped of all that the kind does not need
put_stripped = $(call put,755,$(2),$(3))$(newline)\
	$(if $(STRIP),@$(STRIP) $(1) '$(DESTDIR)$(2)/$(notdir $(3))')

.PHONY: install install-programs install-iptables install-dev install-module
.PHONY: install-source uninstall uninstall-module dist
install: install-programs install-iptables install-dev install-module

# The recipes below, which remove each file where they would put it
uninstall: put = @rm -f '$(DESTDIR)$(2)/$(or $(4),$(notdir $(3)))' && \
	printf '  %-7s %s\n' REMOVE '$(DESTDIR)$(2)/$(or $(4),$(notdir $(3)))'
uninstall: override STRIP :=
uninstall: install-programs install-iptables install-dev uninstall-module
	@for d in '$(DOCDIR)/examples' '$(DOCDIR)/recipes' '$(DOCDIR)' '$(DATADIR)/mcsec/wireshark' \
	  '$(DATADIR)/mcsec/monitoring' '$(DATADIR)/mcsec'; do \
	  rmdir "$(DESTDIR)$$d" 2>/dev/null || :; done
built = $(if $(filter uninstall,$(MAKECMDGOALS)),,$(1))

install-programs: $(call built,$(BINS))
	$(call put_stripped,,$(SBINDIR),$(O)/mcsecd)
	$(call put_stripped,,$(BINDIR),$(O)/mcsecctl)
	$(foreach f,$(filter-out %/iptables-mcsec.8,$(MAN)),$(call put,644,$(MANDIR)/man$(subst .,,$(suffix $f)),$f)$(newline))
	$(call each,644,$(UNITDIR),$(wildcard tools/systemd/*.service))
	$(call put,644,$(LIBDIR_SYSTEMD)/sysusers.d,tools/systemd/sysusers.conf,mcsec.conf)
	$(call put,644,$(LIBDIR_SYSTEMD)/tmpfiles.d,tools/systemd/tmpfiles.conf,mcsec.conf)
	$(call put,644,$(LIBDIR_SYSTEMD)/modules-load.d,tools/systemd/modules-load.conf,mcsec.conf)
	$(call put,644,$(LIBDIR_SYSTEMD)/systemd/catalog,tools/systemd/mcsec.catalog)
	$(call put,644,$(DATADIR)/bash-completion/completions,tools/completion/mcsecctl.bash,mcsecctl)
	$(call put,644,$(ZSHDIR),tools/completion/_mcsecctl)
	$(call put,644,$(DATADIR)/fish/vendor_completions.d,tools/completion/mcsecctl.fish)
	$(call each,644,$(DOCDIR),$(sort $(wildcard Documentation/*.rst)))
	$(call each,644,$(DOCDIR)/recipes,$(sort $(wildcard Documentation/recipes/*.rst)))
	$(call each,644,$(DOCDIR)/examples,$(sort $(wildcard Documentation/examples/*)))
	$(call put,644,$(DATADIR)/mcsec,Documentation/schema/mcsec.json)
	$(call put,644,$(DATADIR)/mcsec/wireshark,tools/wireshark/mcsec.lua)
	$(call each,644,$(DATADIR)/mcsec/monitoring,$(sort $(wildcard tools/monitoring/*)))
	@test -n '$(DESTDIR)$(filter uninstall,$(MAKECMDGOALS))' || id mcsec >/dev/null 2>&1 || \
	  echo 'note: the units need the user mcsec: run "systemd-sysusers" and' \
	    '"systemd-tmpfiles --create"'

# The plugin goes where iptables looks for plugins, which need not be below PREFIX.
install-iptables: $(call built,$(B)/libxt_mcsec.so)
	$(call put,644,$(XTLIBDIR),$(B)/libxt_mcsec.so)
	$(if $(STRIP),@$(STRIP) --strip-unneeded '$(DESTDIR)$(XTLIBDIR)/libxt_mcsec.so')
	$(call put,644,$(MANDIR)/man8,Documentation/man/iptables-mcsec.8)

install-dev:
	$(call put,644,$(INCLUDEDIR)/linux,uapi/linux/mcsec.h)
	$(call put,644,$(INCLUDEDIR)/linux/netfilter,uapi/linux/netfilter/xt_mcsec.h)
	$(call put,644,$(DATADIR)/mcsec,Documentation/netlink/specs/mcsec.yaml)

# Only root can make the module that is built known to the kernel.
install-module:
	@test -e '$(MO)/kmod/mcsec.ko' || { \
	  echo 'module not installed: not built for "$(KREL)", "make module" does' >&2; \
	  exit 0; }; \
	for m in mcsec xt_mcsec; do \
	  test -e "$(MO)/kmod/$$m.ko" || continue; \
	  to='$(DESTDIR)$(MODDIR)/$(KREL)/extra/'"$$m.ko"; \
	  install -D -m 644 "$(MO)/kmod/$$m.ko" "$$to" || exit 1; \
	  test -z '$(STRIP)' || $(STRIP) --strip-debug "$$to" || exit 1; \
	  printf '  %-7s %s\n' INSTALL "$$to"; done; \
	test -n '$(DESTDIR)' || depmod -a '$(KREL)'; \
	test '$(KREL)' = "$$(uname -r)" || \
	  echo 'note: the module is for $(KREL), and $(shell uname -r) is running' >&2

uninstall-module:
	@for m in mcsec xt_mcsec; do \
	  f='$(DESTDIR)$(MODDIR)/$(KREL)/extra/'"$$m.ko"; \
	  test -e "$$f" || continue; \
	  rm -f "$$f" && printf '  %-7s %s\n' REMOVE "$$f"; done; \
	test -n '$(DESTDIR)' || depmod -a '$(KREL)'

# DKMS builds the module from these sources; the package adds dkms.conf, because
# only it knows the version that is installed.
SRCDIR := /usr/src/mcsec-$(VERSION)
install-source:
	$(foreach f,Kbuild VERSION $(KMOD_SRC) uapi/linux/mcsec.h uapi/linux/netfilter/xt_mcsec.h,$(call put,644,$(patsubst %/,%,$(SRCDIR)/$(filter-out ./,$(dir $f))),$f)$(newline))

# Sources as they are in git, and what other distributions build packages by
DIST := $(B)/dist
dist:
	@mkdir -p $(DIST)
	git archive --format=tar.gz --prefix=mcsec-$(VERSION)/ \
	  -o $(DIST)/mcsec-$(VERSION).tar.gz HEAD
	@for f in mcsec.spec PKGBUILD; do \
	  sed 's/@VERSION@/$(VERSION)/' tools/packaging/$$f.in >$(DIST)/$$f || \
	  exit 1; done

clean:
	rm -rf $(B)

FORCE:

-include $(shell find $(O)/obj $(LF)/obj -name '*.d' 2>/dev/null)
