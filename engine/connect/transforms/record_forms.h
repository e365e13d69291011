// Converts keys and values between bytes and the data that transforms use. The bytes are a text, JSON, or JSON with its
// schema.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/connect/transforms/connect_record.h"

namespace engine {

// The converters of Kafka Connect. Text is StringConverter; values that are not texts are written
// as JSON. Json is JsonConverter without schemas. JsonWithSchema is JsonConverter with
// schemas.enable, which writes {"schema": ..., "payload": ...}.
enum class DataForm : uint8_t { Text, Json, JsonWithSchema };

struct RecordForms {
  DataForm key = DataForm::Text;
  DataForm value = DataForm::Json;
};

// Decodes a key or value. Fails with InvalidText if the bytes are not JSON or do not match their
// schema. As in Kafka Connect, a field that is null gets the default of its schema.
Result<ConnectDatum> decode_datum(const std::optional<std::string>& bytes, DataForm form);
// Encodes a key or value; returns nothing if it is absent. Fails with InvalidEncoding if a text within JSON is not
// UTF-8.
Result<std::optional<std::string>> encode_datum(const ConnectDatum& datum, DataForm form);

}  // namespace engine
