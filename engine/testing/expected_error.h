// Compares a failure with the error that a case expects.
#pragma once
#include "base/result.h"
#include "engine/testing/test_case.h"

namespace engine {

enum class FailedAt : uint8_t { Planning, Feeding };

// Returns whether the error is the expected one. The expected type is the name of a Java class that
// stands for a kind of failure. The expected message must be a part of the error's message or
// detail. An error about an unsupported feature never matches.
bool matches(const ExpectedError& expected, const Error& error, FailedAt where);

}  // namespace engine
