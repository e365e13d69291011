// Whether the topics hold what a case expects (section 1.5 of the format's description).
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/testing/case_engine.h"
#include "engine/testing/test_case.h"

namespace engine {

// Empty when they do; else the first difference. `written`: all records by topic, those of the
// inputs included.
std::string compare_outputs(const TestCase& test,
                            const std::map<std::string, std::vector<RawRecord>>& written,
                            std::span<const KnownTopic> topics, const SchemaRegistry& registry);

}  // namespace engine
