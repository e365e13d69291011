// Time in unit tests: a bound that a busy machine cannot fail, and a limit of each case. The counterpart of
// tests/clients/patience.py.
#pragma once
#include <gtest/gtest.h>

#include <chrono>

namespace tests {

// Programs that compete for each core, at least 1: the mean of the last minute or the present number, the larger.
double load_per_core();

// Whether this is the untimed lane of tests/run ($MILLRACE_TEST_LANE).
bool is_untimed_lane();

// Whether `took` is less than `bound`, scaled by the load. Always true in the untimed lane, where other programs
// compete for the cores; the timed lane runs these cases alone.
testing::AssertionResult took_less(std::chrono::nanoseconds took, std::chrono::nanoseconds bound);

// Starts the limit of each case: one that takes longer ends the program, with its name and its stack on stderr.
void limit_each_case();

}  // namespace tests

// A bound on elapsed time. tests/run finds the cases that use it by this name.
#define EXPECT_FASTER(took, bound) EXPECT_TRUE(tests::took_less((took), (bound)))
