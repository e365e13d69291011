// Converts keys and values between bytes and the data that transforms use. The bytes are a text, JSON, or JSON with its
// schema.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/connect/transforms/connect_record.h"

namespace engine {

// The converters of Kafka Connect. Text: StringConverter; a value that is not a text is written as JSON. Json:
// JsonConverter without schemas. JsonWithSchema: JsonConverter with schemas.enable, which writes {"schema": ...,
// "payload": ...}.
enum class DataForm : uint8_t { Text, Json, JsonWithSchema };

struct RecordForms {
  DataForm key = DataForm::Text;
  DataForm value = DataForm::Json;
};

// Decodes a key or value. Fails with InvalidText if the bytes are not JSON, or do not fit their schema. As in Kafka
// Connect, a null field gets the default of its schema.
Result<ConnectDatum> decode_datum(const std::optional<std::string>& bytes, DataForm form);
// Encodes a key or value; returns nothing if it is absent. Fails with InvalidEncoding if a text within JSON is not
// UTF-8.
Result<std::optional<std::string>> encode_datum(const ConnectDatum& datum, DataForm form);

}  // namespace engine
