// What is said of stored bytes that are not what was written.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace storage {

// What the user can do; `how_to_end` is a statement, where it is known which one: "DROP TABLE t".
std::string advice_about_damage(std::string_view how_to_end = "DROP what cannot be read");

// What is stored is not what was written: to read it again gives the same.
inline bool is_damage(ErrorCode code) {
  return code == ErrorCode::CorruptRecord || code == ErrorCode::DataCorrupted;
}

// DataCorrupted, with that advice: to read it once more gives the same.
Error damaged_data(std::string message);

// Of a file that cannot be opened: it is named, and nothing runs in which anything could be dropped. Other errors stay
// as they are.
Error not_opened(Error error, const std::string& path);

}  // namespace storage
