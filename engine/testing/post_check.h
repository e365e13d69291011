// Checks the catalogue and the topics against a case's `post` (section 1.7 of the format's
// description).
#pragma once
#include <string>

#include "engine/testing/case_engine.h"
#include "engine/testing/case_json.h"

namespace engine {

// Empty if they match or `post` is null; otherwise the missing items.
std::string check_post_conditions(const CaseJson& post, const CaseEngine& engine);

}  // namespace engine
