// A disk that fails under a memory map does not answer with an error: the process gets SIGBUS, and
// would end without a word. A page that is damaged leads to SIGSEGV.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

namespace storage {

// Installs handlers: in a guarded call (page_fault.h) both signals end that call; elsewhere SIGBUS says on
// stderr which file could not be read, and ends the process with status 70. To be called once, by the
// program's main.
void report_bus_errors();

// Tells the handler which addresses belong to the file, which is mapped already; -1 when it is not,
// or when there are too many files to note one more.
int note_mapped_file(const std::string& path);
void forget_mapped_file(int noted);
// From, to; both 0 when it is not known.
std::pair<uintptr_t, uintptr_t> addresses_of(int noted);

}  // namespace storage
