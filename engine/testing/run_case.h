// Runs one test case of ksqlDB's query-translation format against an engine.
#pragma once
#include <string>

#include "engine/testing/case_engine.h"
#include "engine/testing/test_case.h"

namespace engine {

enum class Verdict : uint8_t { Passed, Failed, Skipped };

struct CaseResult {
  Verdict verdict = Verdict::Passed;
  std::string reason = {};  // reason of the failure or the skip, in one or more lines
};

// Runs the case three times, each time with a new engine: record by record; with all records fed
// together; and record by record without any state in memory between two steps. The case must pass
// each time. In the second run the engine processes columns of many rows; it must compute the same
// results as row by row.
CaseResult run_case(const TestCase& test, const MakeCaseEngine& make_engine);

}  // namespace engine
