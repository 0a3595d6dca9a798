# Every step by hand is a step of .ci/run, and the other way round. `make help` lists them.

GO      ?= go
ADDR    ?= 127.0.0.1:3000
ROUNDS  ?= 5
FUZZTIME ?= 10s
TOOLS   := .ci/tools.mod
TOOL    := $(GO) tool -modfile=$(TOOLS)
WEB     := cmd/sirocco/web
E2E     := internal/e2e
# Modules of their own, which keep their dependencies out of ours. -mod=mod: they follow our go.mod.
EXAMPLES := sio/examples
CODECS   := bench/codecs
PEERS    := bench/peers
PYTHON  := /usr/bin/python3
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
PLATFORMS := linux/amd64 linux/386 linux/arm64 darwin/arm64 freebsd/amd64

.DEFAULT_GOAL := help
.PHONY: help run test race unit lint vet staticcheck fuzz build e2e bench bench-million bench-smoke ci deps browser python clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

run: $(WEB)/node_modules ## start the server with the chat page; ADDR=127.0.0.1:3000
	$(GO) run ./cmd/sirocco -addr $(ADDR)

# Without npm, or without its registry, the page takes the client from a CDN.
$(WEB)/node_modules: $(WEB)/package-lock.json
	@if command -v npm >/dev/null; then cd $(WEB) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || echo "npm could not install the client: the page loads it from a CDN"; \
	else echo "npm is not here: the page loads the client from a CDN"; fi
	@mkdir -p $@ && touch $@

test: deps ## all tests, end to end with the npm clients and Chromium included
	$(GO) test -p 2 ./...
	$(GO) -C $(EXAMPLES) test -mod=mod ./...
	$(GO) -C $(CODECS) test -mod=mod ./...
	$(GO) -C $(PEERS) test -mod=mod ./...

race: deps ## all tests under the race detector, in random order
	$(GO) test -race -shuffle=on -p 2 ./...

unit: ## the tests that need nothing but Go
	$(GO) test -short -p 2 ./...

e2e: deps ## only the end-to-end tests, each check on a line
	$(GO) test -v -count=1 ./$(E2E)

deps: $(E2E)/node_modules $(WEB)/node_modules browser python

$(E2E)/node_modules: $(E2E)/package-lock.json
	@command -v npm >/dev/null || { echo "the end-to-end tests need Node.js 20 or newer with npm (make unit runs without)"; exit 1; }
	cd $(E2E) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Debian's Chromium, when none is here and we may install it.
browser:
ifeq ($(CHROMIUM),)
	@echo "no Chromium here: installing the package chromium"
	@if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	$$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends chromium </dev/null >/dev/null
endif

# Debian's Python client, when it is not here and we may install it.
python:
	@$(PYTHON) -c "import socketio, aiohttp, requests, websocket" 2>/dev/null || { \
	echo "no Python client here: installing the package python3-socketio"; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; export DEBIAN_FRONTEND=noninteractive; \
	$$sudo apt-get update -qq && $$sudo apt-get install -y -qq --no-install-recommends \
	python3-socketio python3-aiohttp python3-requests python3-websocket </dev/null >/dev/null; }

lint: vet staticcheck ## gofmt, vet, staticcheck, and the house rules of internal/lint
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt these:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) test ./internal/lint

vet: ## go vet, for Linux and for one BSD
	$(GO) vet ./...
	$(GO) -C $(EXAMPLES) vet -mod=mod ./...
	$(GO) -C $(CODECS) vet -mod=mod ./...
	$(GO) -C $(PEERS) vet -mod=mod ./...
	GOOS=freebsd GOARCH=amd64 $(GO) vet ./poller/... ./internal/... ./eio/... ./sio/...

staticcheck:
	$(TOOL) staticcheck ./...

fuzz: ## every fuzz target for FUZZTIME (10s each)
	@FUZZTIME=$(FUZZTIME) bash .ci/fuzz

build: ## compile everything for all platforms, the server into bin/
	@for p in $(PLATFORMS); do echo "build $$p"; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build ./... || exit 1; done
	$(GO) build -o bin/ ./cmd/...

bench: bench/node/node_modules ## measure all beside Node, Go peers and the walls, rewrite BENCHMARKS.md (40 minutes)
	$(GO) run ./cmd/siobench compare -suite full -rounds $(ROUNDS) -write BENCHMARKS.md -json bench.json
	$(GO) run ./bench/sim -n 1000000 -write BENCHMARKS.md

bench-million: ## open a million real sockets, or as many as this machine holds, into BENCHMARKS.md (20 minutes)
	$(GO) run ./cmd/siobench million -ping-interval 60s -ping-timeout 2m -write BENCHMARKS.md

bench-smoke: ## every scenario for half a second: fails on one lost or altered message, never on speed
	$(GO) run ./cmd/siobench compare -suite smoke -rounds 1

bench/node/node_modules: bench/node/package-lock.json
	cd bench/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

ci: ## what CI runs
	bash .ci/run

clean: ## remove what make built and npm installed
	rm -rf bin $(E2E)/node_modules $(WEB)/node_modules
