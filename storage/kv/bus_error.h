// A disk that fails under a memory map raises SIGBUS instead of an error, which would end the
// process without a message. A damaged page leads to SIGSEGV.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

namespace storage {

// Installs handlers for both signals. In a guarded call (page_fault.h) a signal ends that call.
// Elsewhere SIGBUS reports on stderr which file could not be read, and ends the process with status
// 70. Called once, by the program's main.
void report_bus_errors();

// Notes the addresses of the file for the handler. The file must be mapped already. Returns -1 if
// the file is not mapped, or if too many files are noted.
int note_mapped_file(const std::string& path);
void forget_mapped_file(int noted);
// Returns the begin and the end of the noted file's addresses; both are 0 if unknown.
std::pair<uintptr_t, uintptr_t> addresses_of(int noted);

}  // namespace storage
