// Estimates the memory of a batch of rows.
#pragma once
#include <cstddef>

#include "engine/types/batch.h"

namespace engine {

// Returns the approximate size of the batch in bytes. It includes the strings to which its columns
// refer, even if another object owns them.
size_t bytes_of(const Batch& batch);

}  // namespace engine
