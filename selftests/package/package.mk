# The packages, in a Debian of their own.
TESTS += selftests/package/test_package
