# Manual pages, from user/man/NAME.SECTION.scd.
MAN := $(patsubst user/man/%.scd,$(OUT)/man/%,$(wildcard user/man/*.scd))

all: $(MAN)

$(OUT)/man/%: user/man/%.scd $(OUT)/flags
	$(call msg,MAN,$@)
	$(Q)mkdir -p $(@D); sed -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' -e 's|@PREFIX@|$(PREFIX)|g' $< | scdoc >$@
