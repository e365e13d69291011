// The families of functions. A new family needs a line here and one in families.cc.
#pragma once
#include "engine/functions/function.h"

namespace engine {

extern const FunctionFamily kNumericFunctions, kPowerFunctions, kStringFunctions, kMaskFunctions,
    kSplittingFunctions, kBytesFunctions, kRegexFunctions, kUrlFunctions, kJsonFunctions,
    kArrayFunctions, kMapFunctions, kLambdaFunctions, kConditionalFunctions, kDatetimeFunctions,
    kPostgresFunctions, kPostgresArrays, kPostgresNumbers, kPostgresTimes, kPostgresTexts,
    kPostgresJson, kPostgresJsonChanges, kBitFunctions, kToCharFunctions, kToCharOfNumbers,
    kTableFunctions;
extern const FunctionFamily kSumAggregates, kExtremeAggregates, kOffsetAggregates,
    kCollectionAggregates, kPostgresAggregates, kPostgresSums;

std::span<const FunctionFamily* const> all_families();

}  // namespace engine
