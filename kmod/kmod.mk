# The module, built outside the source tree: the kernel's build system leaves its objects beside the sources, so it gets
# links to them. KDIR says for which kernel: by default the one of Debian's cloud headers package, else the running one.
#help kmod      the kernel module, $(OUT)/kmod/poolwatch.ko, for the kernel of KDIR

KDIR ?= $(firstword $(shell ls -d /lib/modules/*-cloud-amd64/build 2>/dev/null | sort -rV) /lib/modules/$(shell uname -r)/build)
KMOD_DIR := $(OUT)/kmod
KMOD_FILES := Kbuild $(shell find kmod -name '*.[ch]')
KMOD_MAKE = $(MAKE) -C $(KDIR) M=$(CURDIR)/$(1) $(if $(filter 1,$(V)),,-s)

# What the module lacks if it is built where the kernel's own BTF is not: the kernel would load it, and BPF not find it.
define kmod_check_btf
readelf -S $(1) | grep -q ' \.BTF ' || printf '%s\n' \
	'kmod: WARNING: $(1) has no BTF, so BPF programs cannot reach the device: only direct mode will work.' \
	'kmod: BTF comes from $(KDIR)/vmlinux: install the headers package that carries it, and pahole.' >&2
endef

kmod: $(KMOD_DIR)/poolwatch.ko
all: $(if $(wildcard $(KDIR)/Makefile),kmod)

# $(1): where. Links, so that errors name files that can be edited; a removed file's link goes, too.
define kmod_links
rm -rf $(1)/Kbuild $(1)/kmod/*.c $(1)/kmod/*.h $(1)/kmod/uapi; mkdir -p $(sort $(dir $(addprefix $(1)/,$(KMOD_FILES)))); \
for f in $(KMOD_FILES); do ln -sf $(CURDIR)/$$f $(1)/$$f; done
endef

$(KMOD_DIR)/poolwatch.ko: $(KMOD_FILES) kmod/kmod.mk
	$(call msg,KMOD,$@)
	$(Q)$(call kmod_links,$(KMOD_DIR))
	$(Q)$(call KMOD_MAKE,$(KMOD_DIR)) modules
	$(Q)$(call kmod_check_btf,$@)

# For the test that such a module says so.
$(KMOD_DIR)/poolwatch-nobtf.ko: $(KMOD_DIR)/poolwatch.ko
	$(call msg,STRIP,$@)
	$(Q)objcopy --remove-section .BTF --remove-section .BTF.base $< $@

.PHONY: kmod

# --- static checks. sparse and W=1 see a build of their own; checkpatch comes with the kernel's source package.

CHECKPATCH := $(OUT)/checkpatch/scripts/checkpatch.pl
$(CHECKPATCH):
	$(call msg,UNPACK,$@)
	$(Q)mkdir -p $(OUT)/checkpatch; tar -xf $(firstword $(wildcard /usr/src/linux-source-6.*.tar.xz)) -C $(OUT)/checkpatch \
		--strip-components=1 --wildcards '*/scripts/checkpatch.pl' '*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch'
	$(Q)touch $@

# Out of the kernel's tree, what checkpatch says of kernel versions does not hold for compat.h; the ABI header is read by
# programs that have no BIT().
check-kmod: $(CHECKPATCH)
	$(call msg,SPARSE,kmod)
	$(Q)$(call kmod_links,$(OUT)/kmod-check)
	$(Q)rm -f $(OUT)/kmod-check/kmod/*.o
	$(Q)$(call KMOD_MAKE,$(OUT)/kmod-check) modules W=1 C=2 CHECK=sparse CF=-Wsparse-error KCFLAGS=-Werror
	$(call msg,CHKPATCH,kmod)
	$(Q)$(CHECKPATCH) --no-tree --strict --terse --no-summary --max-line-length=120 -f $(filter-out %/compat.h kmod/uapi/%,$(KMOD_FILES))
	$(Q)$(CHECKPATCH) --no-tree --strict --terse --no-summary --max-line-length=120 --ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON -f kmod/compat.h
	$(Q)$(CHECKPATCH) --no-tree --strict --terse --no-summary --max-line-length=120 --ignore BIT_MACRO -f kmod/uapi/linux/poolwatch.h

check: check-kmod

.PHONY: check-kmod
