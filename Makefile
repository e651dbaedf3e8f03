# Copyright (c) 2026, the cloudimage.glance contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything that is made goes into the folder .work; "make clean" stops what runs in there and removes it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The first Python that is new enough; another one can be named: make PYTHON=/opt/python/bin/python3 demo
PYTHON ?= $(shell tests/gate/bootstrap which-python)
export PYTHON

# Ansible insists on UTF-8, and a bare container says nothing about it
export LC_ALL := C.UTF-8

# Nobody needs an inventory here
export ANSIBLE_LOCALHOST_WARNING := false
export ANSIBLE_INVENTORY_UNPARSED_WARNING := false

# One virtual environment for each tests/requirements-NAME.txt. They are made when something needs them.
newest := $(CURDIR)/.work/venvs/newest
floor := $(CURDIR)/.work/venvs/floor
tools := $(CURDIR)/.work/venvs/tools
importer := $(CURDIR)/.work/venvs/importer
incumbent := $(CURDIR)/.work/venvs/incumbent
preview := $(CURDIR)/.work/venvs/preview

# The ansible-core that comes next needs a newer Python; empty where there is none
preview_python = $(shell tests/gate/bootstrap which-preview-python)

# What is measured beside ours: openstack.cloud of the newest release of the package ansible for Python 3.11
incumbent_release := ansible==12.3.0

# Tests use the collection as it stands here; the demo uses what the built tarball installs.
linked := $(CURDIR)/.work/linked
installed := $(CURDIR)/.work/installed

demo_cloud := $(CURDIR)/.work/cloud
bench_results := $(CURDIR)/.work/bench/results.json
# Each of these targets has a local cloud of its own, unless it is told the folder of one that runs already.
clouds := functional-cloud sets-cloud floor-cloud integration-cloud faults-cloud variants-cloud bench-cloud
own_cloud = $(if $(CLOUDIMAGE_TEST_CLOUD_DIR),,$(1)-cloud)
cloud_folder = $(CURDIR)/.work/$@-cloud

# Sessions of noxfile.py, in the one environment that has all tools
nox = PATH="$(tools)/bin:$$PATH" $(tools)/bin/nox --no-venv --no-install --envdir .work/nox -s

# Some tools follow no symbolic link, or leave files behind: they get a copy of their own.
in_copy = tests/gate/copy-tree .work/trees/$@ && cd .work/trees/$@/ansible_collections/cloudimage/glance && \
          export ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.work/trees/$@" PATH="$(tools)/bin:$$PATH"

# Makes a module, a role or a playbook of ours findable, and only ours.
use_linked = export ANSIBLE_COLLECTIONS_PATH="$(linked)" PYTHONPATH="$(linked)"
use_installed = export ANSIBLE_COLLECTIONS_PATH="$(installed)"

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##### What users of the repository want

.PHONY: demo
demo: cloud .work/disk-image ## Publish a real disk image to a real local Glance, and show the result
	@$(use_installed)
	export PATH="$(newest)/bin:$$PATH" CLOUDIMAGE_CLOUD_DIR="$(demo_cloud)" CLOUDIMAGE_DISK_IMAGE="$(CURDIR)/.work/disk-image"
	export OS_CLIENT_CONFIG_FILE="$(demo_cloud)/clouds.yaml"
	demo/run

.PHONY: bench
bench: install .work/venvs/incumbent/collections/complete $(call own_cloud,bench) ## Measure beside openstack.cloud, openstack and curl
	@export CLOUDIMAGE_TEST_CLOUD_DIR="$${CLOUDIMAGE_TEST_CLOUD_DIR:-$(cloud_folder)}"
	export CLOUDIMAGE_BENCH_OURS="$(newest)" CLOUDIMAGE_BENCH_INCUMBENT="$(incumbent)" CLOUDIMAGE_BENCH_COLLECTIONS="$(installed)"
	export CLOUDIMAGE_BENCH_RESULTS="$(bench_results)"
	"$(newest)/bin/python" -B tests/benchmark/run

.PHONY: bench-docs
bench-docs: venv-incumbent ## Write what the last "make bench" found into the documentation
	@"$(incumbent)/bin/python" -B tests/benchmark/page.py "$(bench_results)" docs/docsite/rst/benchmark.rst docs/benchmark.svg

.PHONY: cloud
cloud: install ## Start the local cloud, a real Keystone and Glance on loopback
	@$(use_installed)
	tests/gate/local-cloud started "$(newest)" "$(demo_cloud)" free-ports

.PHONY: cloud-stop
cloud-stop: ## Stop the local cloud
	@$(use_installed)
	tests/gate/local-cloud stopped "$(newest)" "$(demo_cloud)"

.PHONY: docs
docs: venv-tools .work/linked ## Check the documentation, and write it as HTML
	@$(use_linked)
	tests/gate/html-docs "$(tools)" .work/docs

.PHONY: clean
clean: .work/linked ## Stop the local cloud and remove all that was made
	@$(use_linked)
	for cloud in "$(demo_cloud)" $(clouds:%="$(CURDIR)/.work/%") "$(CURDIR)/.work/sets-cloud-"{second,third}; do
		tests/gate/local-cloud stopped "$(newest)" "$$cloud"
	done
	rm -rf .work

# What meets the libraries in all ways; the rest of the functional tests is about Glance and the plans, and runs once.
of_the_libraries := documentation image image_ways_in image_info omitted
of_the_libraries_too := images lookup_image audit_report

# What is shown of options and results is what changes most in ansible-core.
of_secrets := tests/functional/test_secrets.py \
              $(addprefix tests/unit/plugins/module_utils/test_,runner.py secrets.py address.py omitted.py)

##### The gate: "make test" runs the targets below in five tracks, see tests/gate/run.py

.PHONY: test
test: bootstrap-test .work/linked ## Run the gate: all that a change has to pass
	@"$(PYTHON)" tests/gate/run.py

.PHONY: lint
lint: venv-tools .work/linked ## Check form and types: ruff, yamllint, mypy
	@failed=0
	$(tools)/bin/ruff format --diff || failed=1
	$(tools)/bin/ruff check || failed=1
	$(nox) yamllint antsibull-nox-config || failed=1
	cd $(linked)
	MYPYPATH=. $(tools)/bin/mypy --config-file "$(CURDIR)/.mypy.ini" --package ansible_collections.cloudimage.glance.plugins || failed=1
	exit $$failed

.PHONY: format
format: venv-tools ## Format the Python code
	@$(tools)/bin/ruff check --select I --fix --quiet
	$(tools)/bin/ruff format

.PHONY: docs-check
docs-check: venv-tools ## Check the documentation of plugins and roles, and the guides
	@$(in_copy)
	$(tools)/bin/antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self --check-extra-docs-refs .
	$(tools)/bin/antsibull-docs collection --use-current --squash-hierarchy --fail-on-error \
	  --dest-dir $$(mktemp -d -p ../../..) cloudimage.glance

.PHONY: licences
licences: venv-tools ## Check that every file says its licence
	@$(nox) license-check

.PHONY: extra-checks
extra-checks: venv-tools ## Check for unwanted files, and the action group
	@$(nox) extra-checks

.PHONY: ansible-lint
ansible-lint: venv-tools ## Check roles and playbooks with the profile "production"
	@$(in_copy)
	$(tools)/bin/ansible-lint --offline --nocolor

.PHONY: changelog
changelog: venv-tools ## Check the changelog and its fragments
	@$(tools)/bin/antsibull-changelog lint
	$(tools)/bin/antsibull-changelog lint-changelog-yaml --strict changelogs/changelog.yaml

.PHONY: package
package: install venv-importer ## Import the built collection as Galaxy does
	@tests/gate/import-check "$(importer)" .work/build

.PHONY: sanity
sanity: venv-tools ## Run ansible-test sanity
	@tests/gate/ansible-test "$(tools)" none sanity --python 3.11

.PHONY: install
install: venv-newest ## Build the collection, and install the tarball into .work/installed
	@tests/gate/install "$(newest)" .work/build .work/installed

.PHONY: unit
unit: venv-newest .work/linked ## Run the unit tests
	@tests/gate/pytest "$(newest)" none tests/unit

.PHONY: functional
functional: venv-newest .work/linked $(call own_cloud,functional) ## Run the modules against the local cloud, with the newest libraries
	@tests/gate/pytest "$(newest)" "$(cloud_folder)" tests/functional --ignore tests/functional/sets \
	  --ignore tests/functional/incumbent

.PHONY: incumbent
incumbent: venv-newest .work/linked $(call own_cloud,functional) ## Run what shows that defects of openstack.cloud are not ours
	@tests/gate/pytest "$(newest)" "$(CURDIR)/.work/functional-cloud" tests/functional/incumbent

.PHONY: side-by-side
side-by-side: venv-newest .work/linked .work/venvs/incumbent/collections/complete $(call own_cloud,functional) ## Run openstack.cloud and this collection in one play
	@export CLOUDIMAGE_TEST_INCUMBENT="$(incumbent)"
	tests/gate/pytest "$(newest)" "$(CURDIR)/.work/functional-cloud" tests/side_by_side

.PHONY: preview
preview: $(if $(preview_python),venv-preview .work/linked $(call own_cloud,functional)) ## Run a few tests with the ansible-core that comes next
	@if [ ! -x "$(preview)/bin/python" ]; then
	  echo "Skipped: there is no Python 3.13 or newer here, which the ansible-core that comes next needs"
	  exit
	fi
	tests/gate/pytest "$(preview)" "$(CURDIR)/.work/functional-cloud" $(of_secrets)

.PHONY: sets
sets: venv-newest browser .work/linked $(call own_cloud,sets) ## Run what is about many images: catalogues, versions, retention, audit
	@tests/gate/pytest "$(newest)" "$(cloud_folder)" tests/functional/sets

.PHONY: floor
floor: venv-floor browser .work/linked $(call own_cloud,floor) ## Run the modules against the local cloud, with the oldest libraries
	@tests/gate/pytest "$(floor)" "$(cloud_folder)" $(of_the_libraries:%=tests/functional/test_%.py) \
	  $(of_the_libraries_too:%=tests/functional/sets/test_%.py)

kills_and_races := tests/faults/test_kills*.py tests/faults/test_races*.py

.PHONY: faults
faults: venv-newest .work/linked $(call own_cloud,faults) ## Run each fault that Glance is known for, once
	@tests/gate/pytest "$(newest)" "$(cloud_folder)" tests/faults $(kills_and_races:%=--ignore-glob '%')

.PHONY: kills
kills: venv-newest .work/linked $(call own_cloud,faults) ## Run each kill and each race, once
	@tests/gate/pytest "$(newest)" "$(CURDIR)/.work/faults-cloud" $(kills_and_races)

.PHONY: test-faults
test-faults: venv-newest .work/linked faults-cloud ## Run the faults and races many times; takes long, and is no part of the gate
	@CLOUDIMAGE_FAULT_REPEAT=$${CLOUDIMAGE_FAULT_REPEAT:-5} tests/gate/pytest "$(newest)" "$(CURDIR)/.work/faults-cloud" tests/faults

.PHONY: variants
variants: venv-newest .work/linked $(call own_cloud,variants) ## Run module image against a local cloud that is set up in other ways
	@tests/gate/pytest "$(newest)" "$(cloud_folder)" tests/variants

.PHONY: integration
integration: venv-newest $(call own_cloud,integration) ## Run ansible-test integration against the local cloud
	@tests/gate/ansible-test "$(newest)" "$(cloud_folder)" integration --python 3.11

##### What the targets above need

.PHONY: $(clouds) $(clouds:%=%-stopped) $(clouds:%=%-absent)
$(clouds): venv-newest .work/linked
	@$(use_linked)
	tests/gate/local-cloud started "$(newest)" "$(CURDIR)/.work/$@" free-ports

$(clouds:%=%-stopped): %-stopped: .work/linked
	@$(use_linked)
	tests/gate/local-cloud stopped "$(newest)" "$(CURDIR)/.work/$*"

$(clouds:%=%-absent): %-absent: .work/linked
	@$(use_linked)
	tests/gate/local-cloud absent "$(newest)" "$(CURDIR)/.work/$*"

.PHONY: bootstrap
bootstrap:
	@tests/gate/bootstrap for-demo

.PHONY: bootstrap-test
bootstrap-test:
	@tests/gate/bootstrap for-test

# Large, and wanted late: the gate installs it while other tracks are busy.
.PHONY: browser
browser:
	@tests/gate/bootstrap for-browser

venvs := newest floor tools importer incumbent preview
python_of = $(if $(filter preview,$(1)),$(preview_python),$(PYTHON))
.PHONY: $(venvs:%=venv-%)
$(venvs:%=venv-%): venv-%: .work/venvs/%/complete

# Compiling only what is imported, when it is imported, halves the time of an installation.
.work/venvs/%/complete: tests/requirements-%.txt tests/constraints-%.txt | bootstrap
	@echo "Installing what tests/requirements-$*.txt lists"
	rm -rf $(@D)
	"$(call python_of,$*)" -m venv $(@D)
	$(@D)/bin/python -m pip install -qq --disable-pip-version-check --no-compile --requirement $<
	touch $@

.work/venvs/incumbent/collections/complete: .work/venvs/incumbent/complete tests/benchmark/take-collection
	tests/benchmark/take-collection "$(incumbent)" "$(incumbent_release)"

.work/linked:
	@mkdir -p $@/ansible_collections/cloudimage
	ln -sfn "$(CURDIR)" $@/ansible_collections/cloudimage/glance

.work/disk-image:
	@tests/gate/bootstrap disk-image $@

# Writes CHANGELOG.md anew, with the fragments that are there now.
.PHONY: release-notes
release-notes: venv-tools
	@PATH="$(tools)/bin:$$PATH" antsibull-changelog release --update-existing --reload-plugins

# Run this after a change of tests/requirements-*.txt.
.PHONY: freeze
freeze: bootstrap
	@for name in $(venvs); do
	  rm -rf .work/freeze
	  python="$(PYTHON)"
	  [ "$$name" != preview ] || python="$(preview_python)"
	  "$$python" -m venv .work/freeze
	  grep -v '^--constraint' "tests/requirements-$$name.txt" > .work/freeze/requirements.txt
	  .work/freeze/bin/python -m pip install -qq --no-compile --requirement .work/freeze/requirements.txt
	  header=$$(sed '/^$$/,$$d' "tests/constraints-$$name.txt")
	  { echo "$$header"; echo
	    echo "# Every package that requirements-$$name.txt brings with it; written by \"make freeze\"."; echo
	    .work/freeze/bin/python -m pip freeze; } > "tests/constraints-$$name.txt"
	done
