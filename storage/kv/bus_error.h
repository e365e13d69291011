// Turns signals that a memory-mapped data file may raise into messages or errors. If a disk fails,
// an access to the mapped memory raises SIGBUS, which would end the process without a message. A
// damaged page may make LMDB access a wrong address, which raises SIGSEGV.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

namespace storage {

// Installs handlers for SIGBUS and SIGSEGV. A signal within a guarded call (page_fault.h) only ends that call.
// Elsewhere, SIGBUS in a registered file reports on stderr which file could not be read, and ends the process with
// status 70. SIGBUS at other addresses gets its default action, and SIGSEGV the action that was set before this call.
// Called once, by the program's main.
void report_bus_errors();

// Registers the addresses of the file for the signal handler. The file must be mapped already.
// Returns a number for the two functions below, or -1 if the file is not mapped or too many files
// are registered.
int note_mapped_file(const std::string& path);
void forget_mapped_file(int noted);
// Returns the beginning and the end of the registered file's addresses; both are 0 if they are unknown.
std::pair<uintptr_t, uintptr_t> addresses_of(int noted);

}  // namespace storage
