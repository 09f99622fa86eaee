# make install: the tool, its manual, completions, configuration, units. The module's sources go to /usr/src for DKMS only
# with `make install-dkms`. Nothing is enabled, loaded or started.
#help install-dkms  the module's sources for DKMS, to DESTDIR/usr/src/poolwatch-$(VERSION)

UNITDIR ?= $(PREFIX)/lib/systemd/system
GENERATORDIR ?= $(PREFIX)/lib/systemd/system-generators
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
MANDIR ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
DKMSDIR ?= /usr/src/poolwatch-$(VERSION)

install: $(OUT)/poolwatch $(MAN) $(OUT)/poolwatch.service
	$(call msg,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -D -m 0755 $(OUT)/poolwatch $(DESTDIR)$(PREFIX)/bin/poolwatch
	$(Q)for m in $(MAN); do install -D -m 0644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/} || exit; done
	$(Q)install -D -m 0644 user/completion/poolwatch.bash $(DESTDIR)$(BASHCOMPDIR)/poolwatch
	$(Q)install -D -m 0644 user/completion/_poolwatch $(DESTDIR)$(ZSHCOMPDIR)/_poolwatch
	$(Q)install -D -m 0644 $(OUT)/poolwatch.service $(DESTDIR)$(UNITDIR)/poolwatch.service
	$(Q)install -D -m 0755 user/systemd/poolwatch-generator $(DESTDIR)$(GENERATORDIR)/poolwatch-generator
	$(Q)install -D -m 0644 user/systemd/poolwatch.sysusers.conf $(DESTDIR)$(SYSUSERSDIR)/poolwatch.conf
	$(Q)install -D -m 0644 user/udev/60-poolwatch.rules $(DESTDIR)$(UDEVDIR)/60-poolwatch.rules
	$(Q)[ -e $(DESTDIR)$(SYSCONFDIR)/poolwatch/poolwatch.conf ] || \
		install -D -m 0644 user/poolwatch.conf $(DESTDIR)$(SYSCONFDIR)/poolwatch/poolwatch.conf
	$(Q)install -d $(DESTDIR)$(SYSCONFDIR)/poolwatch/conf.d $(DESTDIR)$(SYSCONFDIR)/poolwatch/pools.d

$(OUT)/poolwatch.service: user/systemd/poolwatch.service.in $(OUT)/flags
	$(call msg,GEN,$@)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' $< >$@

install-dkms:
	$(call msg,INSTALL,$(DESTDIR)$(DKMSDIR))
	$(Q)for f in Kbuild LICENSE $$(find kmod -name '*.[ch]'); do install -D -m 0644 $$f $(DESTDIR)$(DKMSDIR)/$$f || exit; done
	$(Q)printf '%s\n' 'PACKAGE_NAME="poolwatch"' 'PACKAGE_VERSION="$(VERSION)"' 'BUILT_MODULE_NAME[0]="poolwatch"' \
		'DEST_MODULE_LOCATION[0]="/updates/dkms"' 'MAKE[0]="make -C $$kernel_source_dir M=$$dkms_tree/poolwatch/$(VERSION)/build modules"' \
		'CLEAN="make -C $$kernel_source_dir M=$$dkms_tree/poolwatch/$(VERSION)/build clean"' 'AUTOINSTALL="yes"' \
		'BUILD_EXCLUSIVE_KERNEL_MIN="6.12"' >$(OUT)/dkms.conf
	$(Q)install -D -m 0644 $(OUT)/dkms.conf $(DESTDIR)$(DKMSDIR)/dkms.conf

.PHONY: install-dkms
