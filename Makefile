# The one door: people and CI call the same words. `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CONFIGURATION ?= release
BIN := .build/$(CONFIGURATION)/impetus
PREFIX ?= /usr/local
# `make fuzz SECONDS=600 SEED=2`; the shell has a variable SECONDS of its own.
SECONDS_EACH := $(if $(filter command line,$(origin SECONDS)),$(SECONDS),60)
SEED ?= 1
JOBS ?= $(shell nproc)
SWIFT_BUILD := swift build -c $(CONFIGURATION) -j $(JOBS)
# The C libraries the program is built on.
PACKAGES := libcurl4-openssl-dev libpcre2-dev libssl-dev libsentencepiece-dev libarchive-dev pkg-config

.PHONY: help deps build demo test test-neon fuzz bench bench-embed bench-modes bench-peers bench-pull bench-text compare-models compare-templates lint format man \
  completions install uninstall package clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 27

deps: ## install the Debian packages that are missing
	@scripts/install-packages.sh $(PACKAGES)

build: deps ## build the program
	$(SWIFT_BUILD) --product impetus

demo: build ## get a small real model, quantize it to 4 bits and ask it a question
	@scripts/demo.sh $(BIN)

test: deps ## build and run all tests, those on the demo model too
	$(SWIFT_BUILD) --build-tests
	@scripts/demo-model.sh $(BIN)
	swift test -c $(CONFIGURATION) --skip-build --parallel --experimental-maximum-parallelization-width 6

test-neon: ## test the kernels on emulated arm64 processors, by a cross compiler and qemu, and here
	@scripts/test-neon.sh

fuzz: deps ## feed every reader of files mutated input, SECONDS each (60)
	$(SWIFT_BUILD) --product fuzz
	@for target in tokenizer-json tokenizer-model template config safetensors gguf manifest lock-file archive; do \
	  .build/$(CONFIGURATION)/fuzz $$target --seconds $(SECONDS_EACH) --seed $(SEED) || exit 1; done

lint: ## format, import edges, doc comments, generated files
	swift format lint --strict -r Sources Tests
	scripts/check-imports.py
	scripts/check-docs.py

format: ## rewrite the sources in the project's format
	swift format -i -r Sources Tests

man completions: build ## regenerate the manual pages and shell completions
	$(BIN) debug manual --output man
	$(BIN) debug completions --output completions

bench: build ## measure the program on the demo model, beside what this machine allows
	@scripts/demo-model.sh $(BIN)
	@IMPETUS_HOME=$${IMPETUS_HOME:-build/demo-store} $(BIN) quantize HuggingFaceTB/SmolLM2-135M-Instruct
	@IMPETUS_HOME=$${IMPETUS_HOME:-build/demo-store} $(BIN) bench SmolLM2-135M-Instruct:q4 --batch 1,16 --depth 0,2048

bench-text: build ## measure loading, encoding and rendering beside the tokenizers library (from PyPI)
	@test -x build/text/bin/python || (python3 -m venv build/text && build/text/bin/pip install -q tokenizers==0.23.3 jinja2==3.1.6)
	@build/text/bin/python scripts/bench_text.py $(BIN) Fixtures/tokenizers/qwen2.5 --template Benchmarks/chatml.jinja

bench-pull: build ## measure pulling and verifying beside `hf download` (from PyPI), from a hub on loopback
	@test -x build/hf/bin/hf || (python3 -m venv build/hf && build/hf/bin/pip install -q huggingface_hub==2.4.0)
	@cc -O2 -pthread -o build/bench-hub Benchmarks/hub.c
	@scripts/bench_pull.py $(BIN) build/hf/bin/hf build/bench-hub

bench-embed: build ## measure embeddings beside onnxruntime, with TORCH=1 sentence-transformers too, and float64 (from PyPI)
	@TORCH=$(TORCH) scripts/bench-embed.sh $(BIN)

bench-modes: build ## measure every number format and special kernel on random weights, beside this machine's limits
	@scripts/bench_modes.py $(BIN)

compare-models: build ## perplexity of real models in float32, beside mlx-lm's (from PyPI)
	@scripts/compare-models.sh $(BIN)

compare-templates: build ## every chat template of llama.cpp's source package, rendered by jinja2 and by the program
	@scripts/compare-templates.sh $(BIN)

bench-peers: build ## measure llama.cpp and OpenVINO GenAI beside the program, in turns (both from PyPI)
	@scripts/bench-peers.sh $(BIN)

install: build ## install below PREFIX (/usr/local)
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/impetus
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 && install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -D -m 644 completions/impetus.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/impetus
	install -D -m 644 completions/_impetus $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_impetus
	install -D -m 644 completions/impetus.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/impetus.fish

uninstall: ## remove what install put below PREFIX
	rm -f $(DESTDIR)$(PREFIX)/bin/impetus $(DESTDIR)$(PREFIX)/share/man/man1/impetus*.1
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/impetus $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_impetus
	rm -f $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/impetus.fish

package: deps ## build with the Swift runtime inside, for machines without Swift (rebuilds everything)
	swift build -c release -j $(JOBS) --product impetus --static-swift-stdlib --scratch-path .build-static
	mkdir -p build && install -m 755 .build-static/release/impetus build/impetus && strip build/impetus
	@scripts/check-size.sh build/impetus

clean: ## remove what was built
	rm -rf .build .build-static build
