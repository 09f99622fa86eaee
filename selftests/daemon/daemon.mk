# The daemon with a real program and real collectors.
TESTS += selftests/daemon/test_daemon

selftests/daemon/test_daemon: $(OUT)/selftests/daemon/article

$(OUT)/selftests/daemon/article: selftests/e2e/article.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE $< -lpthread -o $@
