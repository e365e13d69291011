// Approximate memory of a batch of rows.
#pragma once
#include <cstddef>

#include "engine/types/batch.h"

namespace engine {

// Returns the approximate bytes of the batch, with the strings that its columns refer to, even if
// another object owns them.
size_t bytes_of(const Batch& batch);

}  // namespace engine
