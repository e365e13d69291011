// Time limits in unit tests: a limit that does not fail on a busy machine, and a limit for each case.
// tests/clients/patience.py is the counterpart in Python.
#pragma once
#include <gtest/gtest.h>

#include <chrono>

namespace tests {

// Returns the number of programs that compete for each core, at least 1: the larger one of the mean of the last
// minute and the present number.
double load_per_core();

// Returns whether tests/run runs the tests without time limits ($MILLRACE_TEST_LANE).
bool is_untimed_lane();

// Compares `took` with `bound`, scaled by the load. Always true in the untimed lane of tests/run, where other programs
// compete for the cores; the timed lane runs these cases alone.
testing::AssertionResult took_less(std::chrono::nanoseconds took, std::chrono::nanoseconds bound);

// Starts the limit for each case. A case that takes longer ends the program, and its name and stack are written
// to stderr.
void limit_each_case();

}  // namespace tests

// Expects that an operation took less time than `bound`. tests/run searches for this name to find
// the tests that measure time.
#define EXPECT_FASTER(took, bound) EXPECT_TRUE(tests::took_less((took), (bound)))
