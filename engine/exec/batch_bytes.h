// Approximate memory of a batch of rows.
#pragma once
#include <cstddef>

#include "engine/types/batch.h"

namespace engine {

// Includes the strings that the columns refer to, even if another object owns them.
size_t bytes_of(const Batch& batch);

}  // namespace engine
