// Whether a failure is the one that a case expects.
#pragma once
#include "base/result.h"
#include "engine/testing/test_case.h"

namespace engine {

enum class FailedAt : uint8_t { Planning, Feeding };

// The expected type is the name of a Java class, which stands for a kind of failure; the expected
// message must be part of the error's message or detail. What is not supported yet is never the
// failure that a case means.
bool matches(const ExpectedError& expected, const Error& error, FailedAt where);

}  // namespace engine
