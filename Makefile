# SPDX-License-Identifier: Apache-2.0
#
# mcsec: kernel module, daemon and tools. README says what to run first.
#
#   make                 module, daemon and tools
#   make userspace       daemon and tools only (SAN=1: with ASan and UBSan)
#   make module          the module (KDIR=headers, MO=output folder, W=1)
#   make unit fuzz e2e   test programs, see Documentation/testing.rst
#   make check demo      selftests/run and tools/demo
#   make bench           instructions per packet, beside xfrm
#   make style           everything that a reviewer should not have to say
#
# Sources are found by wildcard: a new file in a folder below needs no edit.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share/mcsec
UNITDIR ?= $(PREFIX)/lib/systemd/system
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

PKGS := libcrypto libmnl libnl-route-3.0 sqlite3 libconfig jansson
PKGS_TOO := xtables
PKGS_MAYBE := libsystemd libseccomp
PKG_CONFIG ?= pkg-config
PKGS_HERE := $(foreach p,$(PKGS_MAYBE),$(shell $(PKG_CONFIG) --exists $p \
	2>/dev/null && echo $p))
have = -DHAVE_$(shell echo $(1) | tr a-z- A-Z_)

WARN := -Wall -Wextra -Werror
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
	$(CFLAGS)
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
unit: $(UNITS) $(O)/bench/delivery $(O)/bench/cost
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

CPP_selftests := -Iselftests/unit -Iselftests/fuzz \
	-DSRCDIR='"$(CURDIR)"'

# Rebuilt as a whole: an object whose source was removed must not stay in it.
$(LIB): $(call obj,$(LIB_SRC)) $(O)/flags
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

define link
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(MC_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
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
		$(XT_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

# ---- test programs ---------------------------------------------------------

$(UNITS): $(O)/unit/%: $(O)/obj/selftests/unit/test_%.o \
		$(call obj,$(UNIT_HELP)) $(LIB)
	$(link)

# A table of its own; selftests/bench/run runs it
$(O)/bench/delivery: $(O)/obj/selftests/bench/delivery.o \
		$(call obj,$(UNIT_HELP)) $(LIB)
	$(link)

# The program build/bench/cost measures what peers can cost mcsecd on loopback
$(O)/bench/cost: $(O)/obj/selftests/bench/cost.o $(LIB)
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
	$(Q)clang $(LDHARDEN) -fsanitize=fuzzer,address,undefined -o $@ $^ \
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
	@for f in Kbuild uapi $(KMOD_SRC); do \
	  ln -sfn "$(CURDIR)/$$f" "$(MO)/$$f"; done
	@find '$(MO)' -xtype l -delete
	$(Q)$(MAKE) --no-print-directory -C '$(KDIR)' M='$(abspath $(MO))' $(if $(W),W=$(W)) \
		$(KFLAGS) modules
	@if test -e '$(MO)/kmod/mcsec.ko'; then \
	  ln -sfn kmod/mcsec.ko '$(MO)/mcsec.ko'; fi

# ---- the rest --------------------------------------------------------------

.PHONY: check demo bench style kernels clean install FORCE
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

MAN := $(wildcard Documentation/man/*.[1-8])
UNIT_FILES := $(wildcard tools/systemd/*.service)
install: userspace
	$(Q)for f in $(BINS); do \
	  case $$f in *ctl) d='$(BINDIR)';; *) d='$(SBINDIR)';; esac; \
	  install -D -m 755 "$$f" "$(DESTDIR)$$d/$${f##*/}" || exit 1; done
	$(Q)for f in $(MAN); do install -D -m 644 "$$f" \
	  "$(DESTDIR)$(MANDIR)/man$${f##*.}/$${f##*/}" || exit 1; done
	$(Q)for f in $(UNIT_FILES); do install -D -m 644 "$$f" \
	  "$(DESTDIR)$(UNITDIR)/$${f##*/}" || exit 1; done
	$(Q)install -D -m 644 tools/wireshark/mcsec.lua \
	  '$(DESTDIR)$(DATADIR)/wireshark/mcsec.lua'
	$(Q)install -D -m 644 uapi/linux/mcsec.h \
	  '$(DESTDIR)$(INCLUDEDIR)/linux/mcsec.h'
	$(Q)install -D -m 644 uapi/linux/netfilter/xt_mcsec.h \
	  '$(DESTDIR)$(INCLUDEDIR)/linux/netfilter/xt_mcsec.h'
	$(Q)install -D -m 644 $(B)/libxt_mcsec.so \
	  '$(DESTDIR)$(XTLIBDIR)/libxt_mcsec.so'
	$(Q)if test -e '$(MO)/kmod/mcsec.ko'; then \
	  for m in mcsec xt_mcsec; do \
	  test ! -e "$(MO)/kmod/$$m.ko" || \
	  install -D -m 644 "$(MO)/kmod/$$m.ko" \
	  "$(DESTDIR)/lib/modules/$(KREL)/extra/$$m.ko" || exit 1; done && \
	  { test -n '$(DESTDIR)' || depmod -a '$(KREL)'; }; \
	else echo 'module not built: "make module" first, not installed' >&2; \
	fi

clean:
	rm -rf $(B)

FORCE:

-include $(shell find $(O)/obj $(LF)/obj -name '*.d' 2>/dev/null)
