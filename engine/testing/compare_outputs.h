// Compares the records in the topics with the expected records (`outputs`) of a test case.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/testing/case_engine.h"
#include "engine/testing/test_case.h"

namespace engine {

// Returns the first difference; an empty text if the records match. `written` has all records by
// topic, including the inputs.
std::string compare_outputs(const TestCase& test,
                            const std::map<std::string, std::vector<RawRecord>>& written,
                            std::span<const KnownTopic> topics, const SchemaRegistry& registry);

}  // namespace engine
