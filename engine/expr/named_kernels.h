// The names of kernels in stored plans. Functions, and operators with one kernel for each kind of
// operand, have other names. Used only by the source files in this folder.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "engine/functions/kernel.h"

namespace engine {

// A name must never change, because later versions read the stored plans.
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
