# Every task of the project. `make` alone lists them.
.DEFAULT_GOAL := help
SOAK := 1h
EVERY := 1m

.PHONY: help build demo test race bench fuzz soak lint golden pictures node matrix ci

help: ## list the tasks
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

build: ## the binary, ./refreshbot
	CGO_ENABLED=0 go build -trimpath -o refreshbot .

demo: ## everything simulated, with a page at http://127.0.0.1:8080
	go run . demo

test: ## all tests
	go test ./...

race: ## all tests under the race detector, in random order
	go test -race -shuffle=on ./...

bench: ## the benchmarks, each beside its alternative
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## each fuzz target for 60 seconds
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime 60s -fuzzminimizetime 1x $$p || exit 1; done; done

soak: ## a refresh a minute for an hour, with faults and kills: make soak SOAK=10m EVERY=15s
	go test ./bot/acceptance -run '^TestSoak$$' -v -soak $(SOAK) -soak-every $(EVERY) -soak-report $(CURDIR)/docs/reliability.md -timeout 0

lint: ## go vet and golangci-lint
	go vet ./...
	golangci-lint run ./...
	golangci-lint run --build-tags faultpoints ./bot/acceptance ./jobs/failpoint

golden: ## write the golden files, pictures and the state diagram anew; look at the diff
	go test ./bot/picture ./bot/view ./commands ./jobs/refresh ./jobs/report -update

pictures: ## write the pictures of the documentation anew from the browser tests; look at each
	go test ./bot/slacksim/browser -run 'TestFlow' -count=1 -pictures=$(CURDIR)/docs/pictures

node: ## Slack's own Node packages against the simulated Slack; needs node and the npm registry
	SLACKSIM_NODE=1 go test ./bot/slacksim -run TestOfficialNodeClients -count=1 -v

matrix: ## the whole crash matrix, about an hour; writes its table into docs/reliability.md
	go test -tags faultpoints ./jobs/failpoint
	go test -tags faultpoints ./bot/acceptance -run TestMatrix -timeout 6h -report=$(CURDIR)/docs/reliability.md

ci: ## what runs before a change lands
	.ci/run
