// Compares the catalog and the topics with the post-conditions (`post`) of a test case.
#pragma once
#include <string>

#include "engine/testing/case_engine.h"
#include "engine/testing/case_json.h"

namespace engine {

// Returns a text about the post-conditions that are not met; an empty text if all are met or `post`
// is null.
std::string check_post_conditions(const CaseJson& post, const CaseEngine& engine);

}  // namespace engine
