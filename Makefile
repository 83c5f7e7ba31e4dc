# zkfs: GNU make. `make help` lists what there is; README.md tells the rest.
#
# One make, no recursion: every room is found by wildcard and becomes a static library, every
# ROOM/PROG_main.c a program linked with the libraries of its room and of the rooms below it
# (and with nothing else: the link is the second check of the layering, `make lint` the first).
# A build with other flags (SAN=, CC=, CFLAGS= ...) lives in a directory of its own, so that
# builds never mix; the plain one is in build/.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# ---------------------------------------------------------------- settings (on the command line)
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
DEFAULT_CFLAGS := $(if $(SAN),-O1,-O2) -g
CFLAGS ?= $(DEFAULT_CFLAGS)
CPPFLAGS ?=
LDFLAGS ?=
WERROR ?= -Werror
LIBFUZZER ?=
FUZZ_SECONDS ?= 60

DESTDIR ?=
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
# Where mount(8) looks for mount.zkfs is /sbin and nowhere else: with the default PREFIX,
# `mount -t zkfs` wants MOUNTDIR=/sbin (with PREFIX=/usr it is that directory already).
MOUNTDIR ?= $(SBINDIR)
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/zkfs
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSCONFDIR ?= /etc

PYTHON := /usr/bin/python3
JOBS := $(shell nproc 2>/dev/null || echo 2)

# ---------------------------------------------------------------- which build is this
# build, or build/clang, build/san-address,undefined, build/flags-1234 and combinations.
empty :=
space := $(empty) $(empty)
other_flags := $(strip $(CFLAGS) $(CPPFLAGS) $(LDFLAGS))
other_flags := $(if $(subst x$(DEFAULT_CFLAGS),,x$(other_flags)),$(other_flags))
variant := $(if $(filter-out gcc,$(CC)),$(notdir $(CC))) \
           $(if $(SAN),san-$(SAN)) \
           $(if $(LIBFUZZER),libfuzzer) \
           $(if $(other_flags),flags-$(firstword $(shell echo '$(other_flags)' | cksum)))
variant := $(subst $(space),-,$(strip $(variant)))
B ?= build$(if $(variant),/$(variant))

# ---------------------------------------------------------------- flags
cc_option = $(if $(shell $(CC) -Werror $(1) -E -x c /dev/null >/dev/null 2>&1 && echo y),$(1))

WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wmissing-declarations -Wold-style-definition -Wpointer-arith -Wvla -Wformat=2 \
            -Wwrite-strings -Wundef -Wcast-qual -Wimplicit-fallthrough -Wdate-time \
            $(call cc_option,-Wlogical-op) $(call cc_option,-Wduplicated-cond)
HARDENING := -fPIE -fstack-protector-strong $(call cc_option,-fstack-clash-protection) \
             $(call cc_option,-fcf-protection)
HARDENING_LINK := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed
ifeq ($(SAN),)
# glibc refuses to fortify what is not optimised, and under a sanitizer it hides the culprit.
HARDENING += $(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
else
SANITIZE := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
# Instrumented code makes gcc see uninitialised values where there are none.
SANITIZE += $(call cc_option,-Wno-maybe-uninitialized)
endif

ALL_CPPFLAGS := -I. -D_GNU_SOURCE $(shell pkg-config --cflags libuv fuse3 2>/dev/null) $(CPPFLAGS)
ALL_CFLAGS := -std=c11 $(WARNINGS) $(HARDENING) $(SANITIZE) \
              $(if $(LIBFUZZER),-fsanitize=fuzzer-no-link) $(CFLAGS)
ALL_LDFLAGS := $(HARDENING_LINK) $(SANITIZE) $(LDFLAGS)

# ---------------------------------------------------------------- rooms
# A room's sources, the rooms below it in link order (itself first), its outside libraries.
ROOMS := base proto store replication core server fs

DIR_base        := proto/base
DIR_proto       := proto
DIR_store       := store
DIR_replication := replication
DIR_core        := server/core
DIR_server      := server
DIR_fs          := fs

BELOW_base        := base
BELOW_proto       := proto $(BELOW_base)
BELOW_store       := store $(BELOW_proto)
BELOW_replication := replication $(BELOW_store)
BELOW_core        := core $(BELOW_replication)
BELOW_server      := server $(BELOW_core)
BELOW_fs          := fs $(BELOW_proto)

uv_libs := $(shell pkg-config --libs libuv 2>/dev/null || echo -luv)
fuse_libs := $(shell pkg-config --libs fuse3 2>/dev/null || echo -lfuse3)
LIBS_proto       := -lcrypto
LIBS_store       := -ldeflate -llmdb
LIBS_replication := $(uv_libs)
LIBS_server      := $(uv_libs)
LIBS_fs          := $(uv_libs) $(fuse_libs)

sources = $(sort $(filter-out %_main.c,$(wildcard $(DIR_$(1))/*.c)))
objects = $(patsubst %.c,$(B)/obj/%.o,$(1))
# What links a program of room $(1): libraries of the rooms that have sources, and outside ones.
room_libs = $(foreach r,$(BELOW_$(1)),$(if $(call sources,$(r)),$(B)/lib/libzk$(r).a))
outside_libs = $(foreach r,$(BELOW_$(1)),$(LIBS_$(r))) -lpthread

# The room of a test is the first word of its name; without one it gets $(2).
room_of = $(or $(filter $(ROOMS),$(firstword $(subst _, ,$(basename $(notdir $(1)))))),$(2))

SUPPORT_SOURCES := $(sort $(wildcard tests/support/*.c))
UNIT_SOURCES    := $(sort $(filter-out %/test.c,$(wildcard tests/unit/*.c)))
FUZZ_SOURCES    := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SOURCES   := $(sort $(wildcard tests/bench/*.c))
SIM_SOURCES     := $(sort $(wildcard tests/sim/*.c))
MAIN_SOURCES    := $(sort $(foreach r,$(ROOMS),$(wildcard $(DIR_$(r))/*_main.c)))

ALL_SOURCES := $(foreach r,$(ROOMS),$(call sources,$(r))) $(MAIN_SOURCES) $(SUPPORT_SOURCES) \
               $(UNIT_SOURCES) tests/unit/test.c $(FUZZ_SOURCES) tests/fuzz/driver.c \
               $(BENCH_SOURCES) $(SIM_SOURCES)
ALL_HEADERS := $(sort $(wildcard $(foreach r,$(ROOMS),$(DIR_$(r))/*.h) tests/*/*.h))

PROGRAMS :=
UNIT_PROGRAMS :=
FUZZ_PROGRAMS :=
BENCH_PROGRAMS :=

# ---------------------------------------------------------------- everyday targets
.PHONY: all tests-build check test bench fuzz demo demo-stop deps deps-demo clean help FORCE

all:: ## build the programs into build/ (default)

check: tests-build ## build and run the C unit tests (quick)
	@$(PYTHON) tests/run.py unit --build $(B)

# The packages first: what make has found out about compiler and libraries may be old news then,
# so the runner calls make afresh for each build that it tests.
test: deps ## everything: lint, unit tests, fuzz smoke, pytest, and a part of it under sanitizers
	@env -u MAKEFLAGS -u MFLAGS $(PYTHON) tests/run.py all --cc $(CC)

bench: deps ## measurements, beside Apache's figures
	@env -u MAKEFLAGS -u MFLAGS $(MAKE) --no-print-directory -j$(JOBS) all bench-build CC=$(CC)
	@$(PYTHON) tests/run.py bench --build $(B)

demo: deps-demo ## start a server, mount it at build/demo/mnt, show it, and leave it to you
	@env -u MAKEFLAGS -u MFLAGS $(MAKE) --no-print-directory -s -j$(JOBS) all CC=gcc
	@tests/demo/demo.sh start

demo-stop: ## unmount and stop what `make demo` started
	@tests/demo/demo.sh stop

# ---------------------------------------------------------------- packages
DEPS_BUILD := gcc libc6-dev make pkgconf libuv1-dev libfuse3-dev liblmdb-dev libdeflate-dev libssl-dev
DEPS_DEMO  := fuse3 attr python3 python3-kazoo
DEPS_TEST  := binutils zlib1g-dev clang clang-format clang-tidy libclang-rt-14-dev python3-pytest \
              python3-pytest-timeout python3-pytest-xdist python3-pytest-rerunfailures zookeeper \
              zookeeper-bin libzookeeper-mt-dev lmdb-utils strace man-db shellcheck systemd

deps: ## install the Debian packages that building and testing need
	@tests/deps.sh $(DEPS_BUILD) $(DEPS_DEMO) $(DEPS_TEST)

deps-demo:
	@tests/deps.sh $(DEPS_BUILD) $(DEPS_DEMO)

# ---------------------------------------------------------------- compiling
# The flags are a prerequisite of every object: the file changes when, and only when, they do.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) | $(ALL_LDFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) | $(ALL_LDFLAGS)' >$@

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@echo "  CC    $@"
	@$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(call objects,$(ALL_SOURCES)))

# A list of members beside each library: a deleted source must leave the library as well.
.PRECIOUS: $(B)/lib/%.list
$(B)/lib/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(MEMBERS_$*)' | cmp -s - $@ || echo '$(MEMBERS_$*)' >$@

$(B)/lib/%.a: $(B)/lib/%.list
	@echo "  AR    $@"
	@rm -f $@
	@ar rcs $@ $(MEMBERS_$*)

define room_rules
MEMBERS_libzk$(1) := $$(call objects,$$(call sources,$(1)))
$(B)/lib/libzk$(1).a: $$(MEMBERS_libzk$(1))
endef
$(foreach r,$(ROOMS),$(eval $(call room_rules,$(r))))

MEMBERS_libsupport := $(call objects,$(SUPPORT_SOURCES))
$(B)/lib/libsupport.a: $(MEMBERS_libsupport)
support_lib := $(if $(SUPPORT_SOURCES),$(B)/lib/libsupport.a)
# zlib checks our use of libdeflate. The demo does not install it: programs must link without.
LIBS_support := -lz

# ---------------------------------------------------------------- linking
# $(1) program, $(2) main source, $(3) room, $(4) objects and libraries before the room's own,
# $(5) further flags. A program is linked again when one of just these changes.
define link_rule
$(1): $$(call objects,$(2)) $(4) $$(call room_libs,$(3)) $(B)/flags
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC) $$(ALL_LDFLAGS) $(5) -o $$@ $$(filter %.o %.a,$$^) $$(call outside_libs,$(3)) \
	    $$(if $$(filter %/libsupport.a,$$^),$$(LIBS_support))
endef

# server/zkfsd_main.c -> zkfsd, fs/mount_main.c -> mount.zkfs
program_name = $(patsubst mount,mount.zkfs,$(patsubst %_main,%,$(basename $(notdir $(1)))))
room_of_main = $(strip $(foreach r,$(ROOMS),$(if $(filter $(DIR_$(r))/,$(dir $(1))),$(r))))

define main_rules
PROGRAMS += $(B)/$(call program_name,$(1))
$(call link_rule,$(B)/$(call program_name,$(1)),$(1),$(call room_of_main,$(1)))
endef
$(foreach m,$(MAIN_SOURCES),$(eval $(call main_rules,$(m))))

define unit_rules
UNIT_PROGRAMS += $(B)/unit/$(basename $(notdir $(1)))
$(call link_rule,$(B)/unit/$(basename $(notdir $(1))),$(1),$(call room_of,$(1),base),$(call objects,tests/unit/test.c) $(support_lib))
endef
$(foreach t,$(UNIT_SOURCES),$(eval $(call unit_rules,$(t))))

# fuzz_proto_frame.c is a fuzzer of room proto. With LIBFUZZER=1 libFuzzer brings main().
fuzz_main := $(if $(LIBFUZZER),,$(call objects,tests/fuzz/driver.c))
define fuzz_rules
FUZZ_PROGRAMS += $(B)/fuzz/$(basename $(notdir $(1)))
$(call link_rule,$(B)/fuzz/$(basename $(notdir $(1))),$(1),$(call room_of,$(patsubst fuzz_%,%,$(notdir $(1))),proto),$(fuzz_main) $(support_lib),$(if $(LIBFUZZER),-fsanitize=fuzzer))
endef
$(foreach t,$(FUZZ_SOURCES),$(eval $(call fuzz_rules,$(t))))

define bench_rules
BENCH_PROGRAMS += $(B)/bench/$(basename $(notdir $(1)))
$(call link_rule,$(B)/bench/$(basename $(notdir $(1))),$(1),$(call room_of,$(1),server),$(support_lib))
endef
$(foreach t,$(BENCH_SOURCES),$(eval $(call bench_rules,$(t))))

# The simulator of an ensemble: replication and what stands above it, without a socket.
$(eval $(call link_rule,$(B)/sim,tests/sim/sim_main.c,core,$(call objects,$(filter-out tests/sim/sim_main.c,$(SIM_SOURCES))) $(support_lib)))

all:: $(PROGRAMS) $(foreach r,$(ROOMS),$(call room_libs,$(r)))

tests-build: $(UNIT_PROGRAMS) $(FUZZ_PROGRAMS) $(B)/sim

SEEDS ?= 100
FROM ?= 1
.PHONY: sim
sim: $(B)/sim ## simulate ensembles: SEEDS=100 FROM=1, TRACE=1 prints every event
	@$(B)/sim --from $(FROM) --seeds $(SEEDS) $(if $(TRACE),--trace)

# Known mistakes, planted in the core: the simulator must find each.
MUTANT_SCRIPTS := $(wildcard $(foreach n,election leader leader_time leader_stop learner sync disk window quorum,tests/unit/replication_$(n).c))
.PHONY: mutants
mutants: $(B)/sim $(MUTANT_SCRIPTS:tests/%.c=$(B)/%) ## plant known mistakes and let the simulator find them: SEEDS=2000, ONLY=name
	@$(PYTHON) tests/sim/mutants.py --build $(B) --objects '$(call objects,$(SIM_SOURCES))' \
	    --libs '$(support_lib) $(call room_libs,core) $(call outside_libs,core)' \
	    --units '$(call objects,$(MUTANT_SCRIPTS))' \
	    --unit-objects '$(call objects,tests/unit/test.c)' \
	    --seeds $(if $(filter command line,$(origin SEEDS)),$(SEEDS),2000) --first $(FROM) \
	    --only '$(ONLY)'

.PHONY: bench-build
bench-build: $(BENCH_PROGRAMS)

# Endless, coverage-guided fuzzing for a developer: new inputs go to build/.../corpus, the ones
# worth keeping are then minimised into tests/fuzz/corpus by hand.
fuzz: ## run each fuzzer under libFuzzer for FUZZ_SECONDS=60
	@case '$(FUZZ_SECONDS)' in *[!0-9]*|''|0*) \
	    echo "FUZZ_SECONDS=$(FUZZ_SECONDS): it must be a number of 1 or more (to libFuzzer 0 is no limit)" >&2; \
	    exit 1; esac
	@env -u MAKEFLAGS -u MFLAGS $(MAKE) --no-print-directory -j$(JOBS) fuzz-run CC=clang \
	    SAN=address,undefined LIBFUZZER=1 FUZZ_SECONDS=$(FUZZ_SECONDS)

.PHONY: fuzz-run
fuzz-run: $(FUZZ_PROGRAMS)
	@for program in $(FUZZ_PROGRAMS); do \
	    name=$${program##*/}; \
	    mkdir -p $(B)/corpus/$$name; \
	    kept=; [ ! -d tests/fuzz/corpus/$$name ] || kept=tests/fuzz/corpus/$$name; \
	    echo "  FUZZ  $$name for $(FUZZ_SECONDS) s"; \
	    $$program -max_total_time=$(FUZZ_SECONDS) -timeout=10 -verbosity=0 \
	        -artifact_prefix=$(B)/corpus/$$name- $(B)/corpus/$$name $$kept || exit 1; \
	done

# ---------------------------------------------------------------- lint and format
include tests/lint/lint.mk

# ---------------------------------------------------------------- installing
.PHONY: install uninstall
MAN_PAGES := $(sort $(wildcard man/*.[1-8]))
man_target = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
# mount.zkfs has a place of its own; a command for users goes to bin, a daemon to sbin.
install_dir = $(if $(filter mount.%,$(1)),$(MOUNTDIR),$(if $(filter %d,$(1)),$(SBINDIR),$(BINDIR)))

install: all ## install below DESTDIR and PREFIX=/usr/local (see also MOUNTDIR, SYSCONFDIR)
	$(foreach p,$(PROGRAMS),install -D -m 755 $(p) $(DESTDIR)$(call install_dir,$(notdir $(p)))/$(notdir $(p)) &&) true
	$(foreach m,$(MAN_PAGES),install -D -m 644 $(m) $(call man_target,$(m)) &&) true
	install -D -m 644 conf/zoo.cfg $(DESTDIR)$(DOCDIR)/zoo.cfg
	install -d $(DESTDIR)$(UNITDIR)
	sed -e 's|/usr/local/sbin/|$(SBINDIR)/|' -e 's|/etc/zkfs/|$(SYSCONFDIR)/zkfs/|' \
	    systemd/zkfsd.service >$(DESTDIR)$(UNITDIR)/zkfsd.service
	chmod 644 $(DESTDIR)$(UNITDIR)/zkfsd.service
	@# A configuration that is there is the administrator's: never overwritten.
	[ -e $(DESTDIR)$(SYSCONFDIR)/zkfs/zoo.cfg ] || \
	    install -D -m 644 conf/zoo.cfg $(DESTDIR)$(SYSCONFDIR)/zkfs/zoo.cfg

uninstall: ## remove what install put there; a changed zoo.cfg stays
	rm -f $(foreach p,$(PROGRAMS),$(DESTDIR)$(call install_dir,$(notdir $(p)))/$(notdir $(p)))
	rm -f $(foreach m,$(MAN_PAGES),$(call man_target,$(m)))
	rm -f $(DESTDIR)$(DOCDIR)/zoo.cfg $(DESTDIR)$(UNITDIR)/zkfsd.service
	! cmp -s conf/zoo.cfg $(DESTDIR)$(SYSCONFDIR)/zkfs/zoo.cfg || \
	    rm -f $(DESTDIR)$(SYSCONFDIR)/zkfs/zoo.cfg
	-rmdir --ignore-fail-on-non-empty $(DESTDIR)$(DOCDIR) $(DESTDIR)$(SYSCONFDIR)/zkfs

# ---------------------------------------------------------------- the rest
clean: ## remove build/ (refuses while the demo is mounted)
	@if mountpoint -q build/demo/mnt 2>/dev/null; then \
	    echo "build/demo/mnt is mounted; run 'make demo-stop' first" >&2; exit 1; fi
	rm -rf build

help: ## this list
	@echo "targets:"
	@sed -n 's/^\([a-z-]*\)::\{0,1\}.* ## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | \
	    while IFS='	' read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done
	@echo "settings:"
	@echo "  SAN=address,undefined | SAN=thread    CC=clang    CFLAGS='-O0 -g'    DESTDIR= PREFIX="
