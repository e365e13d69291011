// About what a batch of rows takes in memory.
#pragma once
#include <cstddef>

#include "engine/types/batch.h"

namespace engine {

// With the strings that its columns show, whoever owns them.
size_t bytes_of(const Batch& batch);

}  // namespace engine
