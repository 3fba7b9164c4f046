# SPDX-License-Identifier: Apache-2.0
#
# Which kernel headers "make module" builds against when none are named: those
# of the running kernel, else the newest that are installed, else the newest
# that tools/deps unpacked for the guest.

ifeq ($(origin KDIR),undefined)
KDIR := /lib/modules/$(shell uname -r)/build
ifeq ($(wildcard $(KDIR)/Makefile),)
KDIR := $(lastword $(shell ls -dv /usr/src/linux-headers-*-amd64 2>/dev/null))
ifeq ($(KDIR),)
KDIR := $(firstword $(wildcard $(MCSEC_CACHE)/kernel/stock/build) \
	$(wildcard $(MCSEC_CACHE)/kernel/next/build))
endif
KDIR_NOTE := no headers of the running kernel $(shell uname -r), \
	building the module for those in $(KDIR)
endif
endif
