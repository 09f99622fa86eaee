# The whole of it in a Debian under systemd: the packages installed, a service that deadlocks, its alerts, the daemon killed.
#help test-systemd  the packages in a machine that boots Debian with systemd, in QEMU

SYSTEMD := $(OUT)/systemd
SYSTEMD_TEST := $(OUT)/selftests/systemd/systemd
SYSTEMD_FILES := $(addprefix selftests/systemd/,start scenario) $(OUT)/selftests/systemd/article
SYSTEMD_DEBS = $(OUT)/package/build/poolwatch_$(VERSION)_amd64.deb $(OUT)/package/build/poolwatch-dkms_$(VERSION)_all.deb

$(OUT)/selftests/systemd/article: selftests/e2e/article.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE $< -lpthread -o $@

# Made anew only by hand (rm): what it has of Debian does not depend on poolwatch.
$(SYSTEMD)/root.ext4: selftests/systemd/image
	$(call msg,IMAGE,$@)
	$(Q)mkdir -p $(@D); selftests/package/debs && selftests/package/debian $(OUT)/package/systemd.tar $(firstword $(SYSTEMD_DEBS)) \
		systemd-sysv dbus rsyslog kmod && $< $@ $(OUT)/package/systemd.tar

# With what changes as poolwatch does.
$(SYSTEMD)/disk.ext4: FORCE $(SYSTEMD)/root.ext4 $(SYSTEMD_FILES)
	$(Q)selftests/package/debs && selftests/package/dkms $(lastword $(SYSTEMD_DEBS)) $(VM_RELEASE) $(SYSTEMD)/poolwatch.ko
	$(call msg,IMAGE,$@)
	$(Q)cp --sparse=always $(SYSTEMD)/root.ext4 $@; for f in $(SYSTEMD_FILES) $(SYSTEMD_DEBS) $(SYSTEMD)/poolwatch.ko; do \
		echo "write $$f /repo/$${f##*/}"; done | debugfs -w -f - $@ >/dev/null 2>&1

# $(1): mode, $(2): kernel
define systemd_program
$(Q)mkdir -p $(@D); printf '%s\n' '#!/bin/sh' 'export VM_DISK=$(SYSTEMD)/disk.ext4 VM_APPEND="root=/dev/nvme0n1 rw"' \
	'exec selftests/vm/run $(@F) $(2) $(1)' >$@; chmod +x $@
endef

$(SYSTEMD_TEST): $(VM)/$(VM_RELEASE)/vmlinuz $(SYSTEMD)/disk.ext4 selftests/vm/run
	$(call systemd_program,module,$<)

$(SYSTEMD_TEST)-6.1: $(VM)/6.1/vmlinuz $(SYSTEMD)/disk.ext4 selftests/vm/run
	$(call systemd_program,old-kernel,$<)

SYSTEMD_TESTS := $(SYSTEMD_TEST) $(SYSTEMD_TEST)-6.1

test-systemd: $(SYSTEMD_TESTS)
	$(Q)selftests/run $(SYSTEMD_TESTS)

.PHONY: test-systemd
