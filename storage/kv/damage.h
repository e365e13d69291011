// Errors for stored bytes that differ from what was written.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace storage {

// Advice for the user. `how_to_end` is a statement if it is known, such as "DROP TABLE t".
std::string advice_about_damage(std::string_view how_to_end = "DROP the damaged object");

// Whether stored bytes are not what was written, so that reading again gives the same result.
inline bool is_damage(ErrorCode code) {
  return code == ErrorCode::CorruptRecord || code == ErrorCode::DataCorrupted;
}

// DataCorrupted with that advice. Reading again gives the same result.
Error damaged_data(std::string message);

// For a file that cannot be opened: adds its name and a hint to restore it, since nothing can be
// dropped without a running server. Other errors are returned unchanged.
Error not_opened(Error error, const std::string& path);

}  // namespace storage
