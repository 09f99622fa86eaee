# The commands that need no privilege, as a user runs them: scripts that print TAP.
TESTS += selftests/cmd/definitions
TESTS += selftests/cmd/probe
TESTS += selftests/cmd/manual
TESTS += selftests/cmd/python
