// Errors for stored bytes that differ from what was written.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace storage {

// Returns advice for an error about damage. `how_to_end` is the statement that drops the damaged
// object, such as "DROP TABLE t"; the default is for callers that do not know the object.
std::string advice_about_damage(std::string_view how_to_end = "DROP the damaged object");

// Returns whether the error means that stored bytes differ from what was written. Reading them
// again then gives the same result.
inline bool is_damage(ErrorCode code) {
  return code == ErrorCode::CorruptRecord || code == ErrorCode::DataCorrupted;
}

// Returns the error DataCorrupted with advice_about_damage(). For data whose damage is permanent:
// reading it again gives the same result.
Error damaged_data(std::string message);

// Completes a DataCorrupted error about a file that cannot be opened. Adds the file's name and a
// hint to restore the file from a backup. (The usual hint, to drop the damaged object, needs a
// running server.) Returns other errors unchanged.
Error not_opened(Error error, const std::string& path);

}  // namespace storage
