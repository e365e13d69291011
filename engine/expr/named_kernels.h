// The names of kernels in stored plans, apart from those of functions and of operators with a kernel for each kind of
// operand. Private to this folder.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "engine/functions/kernel.h"

namespace engine {

// A name is permanent, because plans are read again by later versions.
struct NamedKernel {
  std::string_view name;
  Kernel kernel;
  size_t least_children;
};

// Returns the kernels that add, subtract and scale dates, times and intervals. Rows with the same name have the same
// kernel.
std::span<const NamedKernel> time_kernels();
// Returns the kernels of casts and constructors that only PostgreSQL has.
std::span<const NamedKernel> postgres_kernels();

}  // namespace engine
