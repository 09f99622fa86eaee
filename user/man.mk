# Manual pages, from user/man/NAME.SECTION.scd.
MAN := $(patsubst user/man/%.scd,$(OUT)/man/%,$(wildcard user/man/*.scd))

all: $(MAN)

# The first line asks for tbl, by which readers of pages other than mandoc lay out their tables.
$(OUT)/man/%: user/man/%.scd $(OUT)/flags
	$(call msg,MAN,$@)
	$(Q)mkdir -p $(@D); { printf '%s\n' "'\\\" t"; sed -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g' -e 's|@PREFIX@|$(PREFIX)|g' $< | scdoc; } >$@
