// What the parts of the registry share.
#pragma once
#include <string>
#include <string_view>

#include "engine/registry/registry.h"

namespace engine {

RegistryError subject_not_found(std::string_view subject);

// What makes two schemas the same.
std::string identity_of(const RegisteredSchema& schema);

}  // namespace engine
