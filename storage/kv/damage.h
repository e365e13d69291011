// What is said of stored bytes that are not what was written.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace storage {

// What the user can do; `how_to_end` is a statement, where it is known which one: "DROP TABLE t".
std::string advice_about_damage(std::string_view how_to_end = "DROP what cannot be read");

// DataCorrupted, with that advice: to read it once more gives the same.
Error damaged_data(std::string message);

}  // namespace storage
