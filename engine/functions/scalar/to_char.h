// What TO_CHAR of times and of numbers share. Private to engine/functions.
#pragma once
#include <cstddef>

#include "base/result.h"

namespace engine {

// Beyond that a template is no template.
inline constexpr size_t kMaxTemplate = 1'000;
inline Error template_too_long() {
  return {ErrorCode::InvalidParameter, "a template of TO_CHAR has at most 1000 characters"};
}

}  // namespace engine
