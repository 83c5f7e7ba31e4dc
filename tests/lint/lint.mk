# make lint, format: the checks that read the source. Included by the Makefile.
.PHONY: lint lint-quick lint-rules lint-selftest lint-shell lint-man lint-unit lint-tidy format format-check
FORMATTED := $(wildcard $(ALL_SOURCES)) $(ALL_HEADERS)

lint: lint-quick lint-tidy ## layering, doors, guards, globals, sizes, format, clang-tidy

lint-quick: lint-rules lint-selftest lint-shell lint-man lint-unit format-check

lint-rules: $(patsubst %.c,$(B)/obj/%.o,$(foreach r,$(ROOMS),$(call sources,$(r))) $(MAIN_SOURCES))
	@$(PYTHON) tests/lint/lint.py --objects $(B)/obj

lint-selftest:
	@$(PYTHON) tests/lint/selftest.py

# $(1) name, $(2) command: its output is shown, and it may have none.
verdict = @if output=$$($(2) 2>&1) && [ -z "$$output" ]; then echo "lint $(1): ok"; \
    else echo "$$output"; echo "lint $(1): FAILED"; exit 1; fi

lint-shell:
	$(call verdict,shell,shellcheck .ci/run $(wildcard tests/*.sh tests/*/*.sh))

lint-man:
	$(call verdict,man,groff -mandoc -Tutf8 -ww -z $(MAN_PAGES))

# The unit as it is, but for the program, which need not be installed.
lint-unit:
	@mkdir -p $(B)/systemd
	@sed "s|/usr/local/sbin/zkfsd|/bin/true|" systemd/zkfsd.service >$(B)/systemd/zkfsd.service
	$(call verdict,unit,systemd-analyze verify --man=no $(B)/systemd/zkfsd.service)

format: ## lay out the C sources with clang-format
	@clang-format -i $(FORMATTED)

format-check: ## tell which sources `make format` would change
	@if clang-format --dry-run -Werror $(FORMATTED); then echo "lint format: ok"; \
	    else echo "lint format: FAILED (run 'make format')"; exit 1; fi

# A stamp per source, older than the object when the source or one of its headers changed: the
# object knows its headers.
TIDIED := $(patsubst %.c,$(B)/tidy/%.ok,$(wildcard $(ALL_SOURCES)))

lint-tidy: $(TIDIED)
	@echo "lint tidy: ok ($(words $(TIDIED)) files)"

$(B)/tidy/%.ok: %.c $(B)/obj/%.o .clang-tidy tests/.clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY  $<"
	@clang-tidy --quiet $< -- $(ALL_CPPFLAGS) -std=c11 2>$@.log >&2 || \
	    { grep -v 'warnings generated' $@.log >&2; echo "lint tidy: FAILED ($<)"; exit 1; }
	@mv $@.log $@
