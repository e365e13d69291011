// Shared parts of TO_CHAR for times and for numbers. Private to engine/functions.
#pragma once
#include <cstddef>

#include "base/result.h"

namespace engine {

// Limit on the size of a template; no useful template is longer.
inline constexpr size_t kMaxTemplate = 1'000;
inline Error template_too_long() {
  return {ErrorCode::InvalidParameter, "a template of TO_CHAR has at most 1000 characters"};
}

}  // namespace engine
