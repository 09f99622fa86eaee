# Real libraries and interpreters, unmodified: built from this folder, watched by the presets. Need root.
#help test-presets     the tests on real libraries and interpreters alone

PRESETS_OUT := $(OUT)/selftests/presets
PRESETS_PROGRAMS := $(addprefix $(PRESETS_OUT)/pool_,sem sem_named sem_shared apr mongoc zdb qsem5 qsem6 gthread sysv poco)
PRESETS_TESTS := $(patsubst selftests/presets/%.c,$(PRESETS_OUT)/%,$(wildcard selftests/presets/test_*.c))
PRESETS_CFLAGS := -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter -D_GNU_SOURCE
TESTS += $(PRESETS_TESTS)

.PHONY: test-presets
test-presets: all
	$(Q).ci/deps build test presets
	$(Q)$(MAKE) $(PRESETS_TESTS)
	$(Q)selftests/run $(PRESETS_TESTS)

define presets_program
$(PRESETS_OUT)/pool_$(1): selftests/presets/pool_$(2) selftests/presets/article.h
	$$(call msg,CC,$$@)
	$$(Q)mkdir -p $$(@D); $(4) $$(PRESETS_CFLAGS) $$< $(3) -lpthread -o $$@
endef
$(eval $(call presets_program,sem,sem.c,,$$(CC)))
$(eval $(call presets_program,sem_named,sem.c,-DNAMED,$$(CC)))
$(eval $(call presets_program,sem_shared,sem.c,-DSHARED,$$(CC)))
$(eval $(call presets_program,sysv,sysv.c,,$$(CC)))
$(eval $(call presets_program,apr,apr.c,$$$$($$(PKG_CONFIG) --cflags --libs apr-1 apr-util-1),$$(CC)))
$(eval $(call presets_program,mongoc,mongoc.c,$$$$($$(PKG_CONFIG) --cflags --libs libmongoc-1.0),$$(CC)))
$(eval $(call presets_program,zdb,zdb.c,$$$$($$(PKG_CONFIG) --cflags --libs zdb),$$(CC)))
$(eval $(call presets_program,gthread,gthread.c,$$$$($$(PKG_CONFIG) --cflags --libs glib-2.0),$$(CC)))
$(eval $(call presets_program,qsem5,qsem.cpp,-fPIC $$$$($$(PKG_CONFIG) --cflags --libs Qt5Core),$$(CXX)))
$(eval $(call presets_program,poco,poco.cpp,-lPocoData -lPocoDataSQLite -lPocoFoundation,$$(CXX)))
$(eval $(call presets_program,qsem6,qsem.cpp,-fPIC -std=c++17 $$$$($$(PKG_CONFIG) --cflags --libs Qt6Core),$$(CXX)))

# The next Debian's Python is another one.
PRESETS_DEBIAN13 := $(PRESETS_OUT)/debian13/sqlalchemy_article.py
$(PRESETS_DEBIAN13): selftests/presets/sqlalchemy_article.py selftests/presets/debian13
	$(call msg,DEBIAN,$(@D))
	$(Q)selftests/presets/debian13 $(@D) && cp $< $@
$(PRESETS_OUT)/test_sqlalchemy: | $(PRESETS_DEBIAN13)

# For Java, a class path each: Scala's own library, called from Java, needs no Scala compiler.
SCALA_LIBRARY := /usr/share/java/scala-library.jar
define presets_java
$(PRESETS_OUT)/java/$(1).class: selftests/presets/$(1).java
	$$(call msg,JAVAC,$$@)
	$$(Q)mkdir -p $$(@D); javac -g -Xlint:all -Werror -cp $$(SCALA_LIBRARY) -d $$(@D) $$<
endef
$(eval $(call presets_java,JvmArticle))
$(eval $(call presets_java,ScalaArticle))
$(PRESETS_OUT)/test_jvm: | $(PRESETS_OUT)/java/JvmArticle.class $(PRESETS_OUT)/java/ScalaArticle.class

$(PRESETS_TESTS): $(PRESETS_OUT)/%: selftests/presets/%.c selftests/presets/follow.h $(OUT)/kselftest/kselftest_harness.h \
		$(OUT)/libpoolwatch.a | $(PRESETS_PROGRAMS)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) $< $(OUT)/libpoolwatch.a $(PW_LIBS) -o $@

# The same Go program as it is built for development, for production, and position-independent.
PRESETS_GO := $(addprefix $(PRESETS_OUT)/,go_sql go_sql_stripped go_sql_pie go_sql_pie_stripped)
$(PRESETS_OUT)/go_sql_stripped: GO_FLAGS := '-ldflags=-s -w'
$(PRESETS_OUT)/go_sql_pie_stripped: GO_FLAGS := -buildmode=pie '-ldflags=-s -w'
$(PRESETS_OUT)/go_sql_pie: GO_FLAGS := -buildmode=pie
$(PRESETS_GO): selftests/presets/go_sql.go
	$(call msg,GO,$@)
	$(Q)mkdir -p $(@D); GOCACHE=$(abspath $(OUT))/go GO111MODULE=off GOTOOLCHAIN=local go build $(GO_FLAGS) -o $@ $<
# By a Go of which nothing is known: with debugging information, and without.
$(PRESETS_OUT)/go_sql_newer: $(PRESETS_OUT)/go_sql
$(PRESETS_OUT)/go_sql_newer_stripped: $(PRESETS_OUT)/go_sql_stripped
$(PRESETS_OUT)/go_sql_newer $(PRESETS_OUT)/go_sql_newer_stripped:
	$(call msg,SED,$@)
	$(Q)LC_ALL=C sed 's/go1\.[0-9][0-9]/go1.99/g' $< >$@; chmod +x $@
$(PRESETS_OUT)/test_go: | $(PRESETS_GO) $(PRESETS_OUT)/go_sql_newer $(PRESETS_OUT)/go_sql_newer_stripped
