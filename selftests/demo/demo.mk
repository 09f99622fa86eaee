# The main job on a real program, explained as it goes.

$(OUT)/selftests/demo/article: selftests/e2e/article.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g -Wall -Wextra -Werror $< -o $@ -lpthread

demo: FORCE
	$(Q).ci/deps build demo
	$(Q)$(MAKE) all $(OUT)/selftests/demo/article
	$(Q)selftests/demo/demo
