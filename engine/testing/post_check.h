// Whether the catalogue and the topics look as a case's `post` says (section 1.7 of the format's
// description).
#pragma once
#include <string>

#include "engine/testing/case_engine.h"
#include "engine/testing/case_json.h"

namespace engine {

// Empty when they do, or when `post` is null; else what is missing.
std::string check_post_conditions(const CaseJson& post, const CaseEngine& engine);

}  // namespace engine
