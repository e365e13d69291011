# Writes the header OUTPUT with the commit of the sources in SOURCES; `-dirty` marks changes that are not committed. The
# file stays untouched when its text is the same, so a build without a new commit neither compiles nor links for it.
# MILLRACE_COMMIT in the environment wins, for sources without their repository.
cmake_minimum_required(VERSION 3.25)
set(MILLRACE_COMMIT "$ENV{MILLRACE_COMMIT}")
if(NOT MILLRACE_COMMIT)
  execute_process(COMMAND git -C ${SOURCES} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE MILLRACE_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT MILLRACE_COMMIT)
  set(MILLRACE_COMMIT unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once\n#define MILLRACE_COMMIT \"${MILLRACE_COMMIT}\"\n" @ONLY)
