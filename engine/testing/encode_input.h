// Encodes the input records of a case to the bytes that a producer would have sent.
#pragma once
#include "base/result.h"
#include "engine/testing/case_engine.h"
#include "engine/testing/test_case.h"

namespace engine {

// Encodes the record. `format` is the format of the topic's records; nullptr if none was declared.
// Fails if the JSON cannot be written in that format.
Result<RawRecord> encode_input(const CaseRecord& record, const TopicFormat* format,
                               const SchemaRegistry& registry);

}  // namespace engine
