# make lint, format: the checks that read the source. Included by the Makefile.
.PHONY: lint lint-quick format format-check
FORMATTED := $(wildcard $(ALL_SOURCES)) $(ALL_HEADERS)

lint-quick: format-check

lint: lint-quick ## layering, doors, guards, globals, sizes, format, clang-tidy

format: ## lay out the C sources with clang-format
	@clang-format -i $(FORMATTED)

format-check: ## tell which sources `make format` would change
	@if clang-format --dry-run -Werror $(FORMATTED); then echo "lint format: ok"; \
	    else echo "lint format: FAILED (run 'make format')"; exit 1; fi
