#include "engine/functions/families.h"

#include "engine/functions/catalog_names.h"
#include "engine/functions/sequences.h"

namespace engine {

namespace {

constexpr const FunctionFamily* kFamilies[] = {
    &kNumericFunctions,     &kPowerFunctions,    &kStringFunctions,      &kMaskFunctions,
    &kSplittingFunctions,   &kBytesFunctions,    &kRegexFunctions,       &kUrlFunctions,
    &kJsonFunctions,        &kArrayFunctions,    &kMapFunctions,         &kLambdaFunctions,
    &kConditionalFunctions, &kDatetimeFunctions, &kPostgresFunctions,    &kBitFunctions,
    &kToCharFunctions,      &kToCharOfNumbers,   &kTableFunctions,       &kSumAggregates,
    &kExtremeAggregates,    &kOffsetAggregates,  &kCollectionAggregates, &kPostgresAggregates,
    &kPostgresSums,         &kPostgresArrays,    &kPostgresNumbers,      &kPostgresTimes,
    &kPostgresTexts,        &kPostgresJson,      &kPostgresJsonChanges,  &kSequenceFunctions,
    &kCatalogNameFunctions,
};

}  // namespace

std::span<const FunctionFamily* const> all_families() { return kFamilies; }

}  // namespace engine
