// Names of the kernels with which dates, times and intervals are added, subtracted and scaled, for plans. The names are
// permanent.
#pragma once
#include <string_view>

#include "engine/functions/kernel.h"

namespace engine {

// Returns the name of the kernel; empty if it is not one of these kernels.
std::string_view name_of_time_kernel(Kernel kernel);
// Returns the kernel of this name; nullptr if there is none.
Kernel find_time_kernel(std::string_view name);

}  // namespace engine
