// Encodes input records of a case as the bytes that a producer would have sent.
#pragma once
#include "base/result.h"
#include "engine/testing/case_engine.h"
#include "engine/testing/test_case.h"

namespace engine {

// `format`: the format of the record's topic; nullptr if none was declared. Fails if the JSON
// cannot be written in that format.
Result<RawRecord> encode_input(const CaseRecord& record, const TopicFormat* format,
                               const SchemaRegistry& registry);

}  // namespace engine
