# Makefile -- builds Uproar, proves its layers and runs its tests. `make help` says how to use it.
#
# Each folder becomes one archive, and every program is linked only with the archives that its
# folder may know; a test binary takes its own layer's archive whole. So the linker enforces the
# layers: a file of proto/ that calls into core/ fails in build/tests/proto, which has no core.a.
# Rules that symbols cannot show (which headers, which words) are tests/tidy's.

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(MAKELEVEL),0)
MAKEFLAGS := $(MAKEFLAGS) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
endif

# Builds that must not mix have folders of their own; changed flags rebuild (see $(B)/flags).
B ?= build$(if $(SAN),/$(subst $(comma),-,$(SAN)))$(if $(GUARD),/guard)
comma := ,
Q := $(if $(V),,@)
PREFIX ?= /usr/local

# What Debian calls the things needed. `make run` and `make check` install what is missing.
NEED_BUILD := gcc libc6-dev liburing-dev libjemalloc-dev libedit-dev libjansson-dev \
    systemtap-sdt-dev
NEED_CHECK := $(NEED_BUILD) libcriterion-dev jq gnuplot-nox
NEED_CLANG := clang libclang-rt-dev
# A browser and clients for tests/web; tests/web/README.md says how large they are.
NEED_WEB := chromium chromium-sandbox python3-websockets node:nodejs npm:npm
NEED_LINT := $(NEED_CHECK) clang-format clang-tidy shellcheck
# What `make compare` sets beside uproard, and what it draws with. Their services are not started.
NEED_COMPARE := redis-server nats-server mosquitto ngircd inspircd golang-go jq gnuplot-nox
deps = $(Q).ci/deps $(NEED_$(1)) $(if $(findstring clang,$(CC)),$(NEED_CLANG))

WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla \
    -Wundef -Wcast-qual -Wwrite-strings -Wformat=2 -Werror=format-security -Werror
try = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null && echo $(1))
# gcc warns of what cannot happen when it has instrumented the code: those are off with SAN.
SAN_FLAGS = -O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all \
    $(call try,-Wno-format-truncation) $(call try,-Wno-maybe-uninitialized)
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=3 $(call try,-fstack-clash-protection) \
    $(call try,-fcf-protection=full) $(call try,-ftrivial-auto-var-init=zero))
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. $(WARN) -g -fPIE -fstack-protector-strong \
    $(if $(SAN),$(SAN_FLAGS),-O2) $(HARDEN) $(if $(GUARD),-DUPROAR_GUARD) $(CFLAGS)
ALL_LDFLAGS := -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack $(if $(SAN),-fsanitize=$(SAN)) \
    $(LDFLAGS)
MALLOC := $(if $(SAN),,-ljemalloc)

# $(call program,NAME,SOURCES,ARCHIVES TAKEN WHOLE,ARCHIVES,LIBRARIES); nothing without sources.
objects = $(patsubst %.c,$(B)/o/%.o,$(1))
program = $(if $(2),$(eval $(call program_rules,$(1),$(2),$(3),$(4),$(5))))
define program_rules
PROGRAMS += $(B)/$(1)
OBJECTS += $(call objects,$(2))
$(B)/$(1): $(call objects,$(2)) $(3:%=$(B)/%.a) $(4:%=$(B)/%.a)
	@mkdir -p $$(@D); echo "  link  $$@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $$@ $(call objects,$(2)) -Wl,--whole-archive $(3:%=$(B)/%.a) \
	    -Wl,--no-whole-archive $(4:%=$(B)/%.a) $(5)
endef
define archive
OBJECTS += $(call objects,$(2))
$(B)/$(1).a: $(call objects,$(2)) $(B)/flags
	$(Q)rm -f $$@; ar rcs $$@ $$(filter %.o,$$^)
endef

TOOL_MAINS := tools/uproar.c tools/uproar-load.c
ARCHIVES := core proto shard tools
all:
$(foreach a,$(ARCHIVES),$(eval $(call archive,$a,$(filter-out shard/main.c $(TOOL_MAINS),$(wildcard $a/*.c $a/*/*.c)))))

# The page is bytes that shard/web.c serves; no file of shard/ knows what is in them.
PAGE := $(sort $(foreach t,html css js svg,$(wildcard tools/web/*.$t)))
OBJECTS += $(B)/o/web_files.o
$(B)/shard.a: $(B)/o/web_files.o
$(B)/web_files.c: shard/web_files.awk FORCE
	@mkdir -p $(@D); awk -f $< $(PAGE) | cmp -s - $@ || awk -f $< $(PAGE) >$@
$(B)/o/web_files.o: $(B)/web_files.c $(PAGE) $(B)/flags
	@mkdir -p $(@D); echo "  cc    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The table of layers: what each program may know.
main = $(call program,$(1),$(wildcard $(2)),,$(3),$(4))
$(call main,uproard,shard/main.c,shard core proto,-luring $(MALLOC))
$(call main,uproar,tools/uproar.c,tools core proto,-luring -ledit -ljansson)
$(call main,uproar-load,tools/uproar-load.c,tools core proto,-luring -ledit -ljansson -lm $(MALLOC))
$(foreach p,$(wildcard perf/*.c),$(call main,$(p:.c=),$p,shard core proto,-luring))
$(foreach p,$(wildcard tests/stress/*.c),$(call main,$(p:.c=),$p,shard core proto,-luring))

test = $(call program,tests/$(1),$(wildcard tests/$(1)/*.c tests/$(1)/*/*.c $(2)),$(3),$(4),-lcriterion $(5))
$(call test,core,,core,,-luring)
$(call test,proto,tests/fuzz/*.c,proto)
$(call test,shard,,shard,core proto,-luring)
$(call test,tools,,tools,core proto,-luring -ledit -ljansson -lutil -lm)
# jansson: whether the server's log is JSON is for a parser to say that is not ours.
$(call test,e2e,tests/proto/ws_cases.c,,core proto,-luring -ljansson)

INSTALLED := $(filter $(B)/uproard $(B)/uproar $(B)/uproar-load,$(PROGRAMS))
STRESS := $(filter $(B)/tests/stress/%,$(PROGRAMS))
# Criterion aborts under ThreadSanitizer, so there only the plain programs run.
TESTS := $(if $(findstring thread,$(SAN)),,$(filter-out $(STRESS),$(filter $(B)/tests/%,$(PROGRAMS))))
# What a browser and others' clients see is the same whatever compiled the server: one plain and one
# sanitizer build show it.
WEB := $(if $(filter-out gcc,$(CC))$(findstring thread,$(SAN))$(GUARD),,tests/web/run)
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60

.PHONY: all run check compare test perf-programs fuzz lint install clean help deps FORCE
all: $(ARCHIVES:%=$(B)/%.a) $(INSTALLED)
perf-programs: $(filter $(B)/perf/%,$(PROGRAMS))

run:
	$(call deps,BUILD)
	$(Q)$(MAKE) all
	@echo "Join in a browser, or from another terminal with: $(B)/uproar   (Ctrl-C here stops the server)"
	$(Q)exec $(B)/uproard $(ARGS)

check:
	$(call deps,CHECK)
	$(if $(WEB),$(call deps,WEB))
	$(if $(WEB),$(Q)tests/web/install $(B)/web)
	$(Q)$(MAKE) test

# One at a time under AddressSanitizer: with jobs in parallel Criterion 2.4.1 leaks 48 bytes of its
# own once a program has more than about a hundred tests, and that looks like ours.
test: $(INSTALLED) $(TESTS) $(STRESS) perf-programs
	$(Q)UPROARD=$${UPROARD:-$(B)/uproard} UPROAR=$(B)/uproar UPROAR_LOAD=$(B)/uproar-load \
	    UPROAR_WEB=$(B)/web \
	    $(if $(findstring address,$(SAN)),CRITERION_JOBS=1) tests/run $(B)/test-logs $(TESTS) $(STRESS) \
	    tests/scripts tests/compare $(WEB)

# $(B)/fuzz/X: the target and all of proto/, with clang's libFuzzer. New inputs go to $(B).
$(B)/fuzz/%: tests/fuzz/fuzz_%.c tests/fuzz/drive.c tests/fuzz/twice.c \
    $(wildcard proto/*.c proto/*.h tests/fuzz/*.h core/base.h)
	@mkdir -p $@.corpus; echo "  link  $@"
	$(Q)clang -std=gnu11 -D_GNU_SOURCE -I. $(WARN) -O1 -g -fno-sanitize-recover=all \
	    -fsanitize=fuzzer,address,undefined -DFUZZING -o $@ $(filter %.c,$^)
fuzz:
	$(call deps,CLANG)
	$(Q)$(MAKE) $(FUZZERS)
	$(Q)printf '%s\n' $(FUZZERS) | xargs -P "$$(nproc)" -I {} sh -c 'f={}; \
	    $$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 -artifact_prefix=$(B)/fuzz/ \
	    $$f.corpus tests/fuzz/corpus/$${f##*/} >$$f.log 2>&1 || { cat $$f.log; exit 1; }; \
	    echo "$$f: $$(tail -n 7 $$f.log | paste -sd" ")"'

compare:
	$(call deps,BUILD)
	$(Q).ci/deps --no-services $(NEED_COMPARE)
	$(Q)$(MAKE) all perf-programs $(B)/perf/gochat
	$(Q)perf/compare $(ARGS)

# The one program in Go: a peer of perf/compare, and nothing that check needs.
$(B)/perf/gochat: $(wildcard perf/peers/go/*)
	@mkdir -p $(@D); echo "  go    $@"
	$(Q)cd perf/peers/go && export GOCACHE=$(abspath $(B))/go-cache && \
	    go vet . && go test . >/dev/null && go build -buildvcs=false -o $(abspath $@) .

SCRIPTS = $(shell git grep -lE '^\#!/bin/(ba)?sh' -- .ci perf tests 2>/dev/null || \
    grep -rlIE '^\#!/bin/(ba)?sh' .ci perf tests)
SOURCES = $(shell git ls-files '*.c' '*.h' 2>/dev/null || find . -name '*.[ch]')
lint:
	$(call deps,LINT)
	$(Q)bad=0; tests/tidy --self && tests/tidy || bad=1; \
	printf '%s\n' $(SOURCES) | \
	    xargs -n 1 clang-format --dry-run -Werror -ferror-limit=1 || bad=1; \
	printf '%s\n' $(filter %.c,$(SOURCES)) | xargs -P "$$(nproc)" -n 4 \
	    sh -c 'clang-tidy --quiet "$$@" -- -std=gnu11 -D_GNU_SOURCE -I. 2>/dev/null' tidy || bad=1; \
	shellcheck --external-sources --severity=warning $(SCRIPTS) || bad=1; \
	exit $$bad

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install $(INSTALLED) $(DESTDIR)$(PREFIX)/bin

clean:
	rm -rf $(B)

help:
	@echo 'make                     build/uproard (server), build/uproar (client), build/uproar-load'
	@echo 'make run [ARGS=...]      the same, then the server in the foreground; installs what is missing'
	@echo 'make check               everything, and all tests; installs what is missing'
	@echo 'make install             into $$(DESTDIR)$$(PREFIX)/bin; PREFIX is /usr/local unless given'
	@echo 'make lint                tests/tidy (layout, layers), clang-format, clang-tidy, shellcheck'
	@echo 'make fuzz                the decoders, for FUZZ_SECONDS=60 each, with clang'
	@echo 'make perf-programs       the measuring programs of perf/'
	@echo 'make compare [ARGS=...]  beside Redis, NATS, Mosquitto, ngIRCd, InspIRCd, Go; installs them'
	@echo 'make clean               removes the build folder'
	@echo
	@echo 'CC=clang                 another compiler            V=1       show the commands'
	@echo 'SAN=address,undefined    with sanitizers, or thread  GUARD=1   free buffers are PROT_NONE'
	@echo 'B=FOLDER                 build there instead of in build'
	@echo
	@echo 'One test binary: make build/tests/core && build/tests/core --filter "pool/*"'

$(B)/o/%.o: %.c $(B)/flags
	@mkdir -p $(@D); echo "  cc    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' >$@
-include $(OBJECTS:.o=.d)
