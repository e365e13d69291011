#include "engine/functions/families.h"

namespace engine {

namespace {

constexpr const FunctionFamily* kFamilies[] = {
    &kNumericFunctions, &kSumAggregates,        &kExtremeAggregates,
    &kOffsetAggregates, &kCollectionAggregates,
};

}  // namespace

std::span<const FunctionFamily* const> all_families() { return kFamilies; }

}  // namespace engine
