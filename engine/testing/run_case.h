// Runs one case against an engine, as the format's description defines it (sections 1.2 to 1.7).
#pragma once
#include <string>

#include "engine/testing/case_engine.h"
#include "engine/testing/test_case.h"

namespace engine {

enum class Verdict : uint8_t { Passed, Failed, Skipped };

struct CaseResult {
  Verdict verdict = Verdict::Passed;
  std::string reason = {};  // reason of the failure or the skip: one or more lines
};

// Runs the case twice, on two engines: once fed record by record, once all at once. It must pass
// both times, which proves that the columnar engine computes the results of a row-by-row one.
CaseResult run_case(const TestCase& test, const MakeCaseEngine& make_engine);

}  // namespace engine
