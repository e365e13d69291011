// Limits for topics that every front end shares: SQL, Kafka's requests, and the command line.
#pragma once
#include <cstdint>

// The largest number of partitions of a topic. Every partition needs files and memory, so a mistyped number must
// not create millions of them.
inline constexpr int32_t kMostPartitionsOfTopic = 10'000;
