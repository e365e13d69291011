// Runs one case against an engine, the way the format's description says (sections 1.2 to 1.7).
#pragma once
#include <string>

#include "engine/testing/case_engine.h"
#include "engine/testing/test_case.h"

namespace engine {

enum class Verdict : uint8_t { Passed, Failed, Skipped };

struct CaseResult {
  Verdict verdict = Verdict::Passed;
  std::string reason = {};  // why it failed or was skipped: one line, or more
};

// Runs it twice, on two engines: once fed record by record, once all at once. It must pass both
// ways, which proves that the columnar engine computes what a row-by-row one would.
CaseResult run_case(const TestCase& test, const MakeCaseEngine& make_engine);

}  // namespace engine
