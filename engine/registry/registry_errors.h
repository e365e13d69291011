// Helpers shared by the parts of the registry.
#pragma once
#include <string>
#include <string_view>

#include "engine/registry/registry.h"

namespace engine {

RegistryError subject_not_found(std::string_view subject);

// Returns a text that identifies the schema: schemas that count as the same have the same text.
std::string identity_of(const RegisteredSchema& schema);

}  // namespace engine
